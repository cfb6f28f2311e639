import numpy
import pandas


def main():
    frame = pandas.DataFrame({"count": [1, 2, 3], "kind": ["x", "y", "x"]})
    # Large enough for a product that several threads would share.
    product = numpy.eye(300) @ numpy.full((300, 300), 0.5)
    uses = {
        "pandas": (int(frame.groupby("kind")["count"].sum()["x"]), 4),
        "numpy": (float(product.sum()), 45000.0),
        "linalg": (float(numpy.linalg.inv(numpy.eye(300) * 2)[0, 0]), 0.5),
        "zones": (str(pandas.date_range("2026-07-01", periods=2, tz="Europe/Vienna")[1]), "2026-07-02 00:00:00+02:00"),
    }
    return {name: repr(answer) for name, (answer, expected) in uses.items() if answer != expected}
