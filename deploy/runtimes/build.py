#!/usr/bin/env python3
"""Builds a runtime from its lock file: as a directory of packages for the namespace backend, or as an image for the docker backend.

usage: build.py directory RUNTIME TARGET [--python INTERPRETER]
       build.py image RUNTIME [--base IMAGE] [--force]

RUNTIME is a directory with `runtime.toml` (name, version, python, description, and as preload the modules that its utilities
usually import: sandboxes import them before a program arrives; as amend what is changed in installed files: file, old, new; as leave_out what is not kept of them, such as tests) and its lock: `requirements.lock` (pip's format: one
`name==version --hash=sha256:...` a line) or `pylock.toml` (PEP 751). Only wheels are installed, each by a hash of the lock, without
dependencies that the lock does not name; nothing of a package runs while it is installed. Afterwards its modules are imported once, by the runtime's own
interpreter, to write down what they offer: without network and as nobody (for a directory that is not built by root: without
network, as who builds it).

Beside the packages lie `zona-runtime.json` (the manifest) and `zona-runtime.api` (the interface); on an image both are labels,
`zona.runtime` and `zona.interface`. It deliberately builds no interpreter: a directory is for the host's, and the base image is
`deploy/sandbox/build-image.sh`'s.
"""

import argparse
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import lock
from lock import normalized

HERE = Path(__file__).resolve().parent
CRATES = HERE.parent.parent / "crates"
MODULE_API = CRATES / "python-check/tools/module_api.py"
PROBE = CRATES / "sandbox-protocol/src/probe_layout.py"
MANIFEST = "zona-runtime.json"
INTERFACE = "zona-runtime.api"
BASE = "zona/runtime-base:3.11"
# Where packages lie in an image.
IN_IMAGE = "/opt/zona/packages"
KEYS = {"name", "version", "python", "description"}
MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
NOBODY = "65534"
# Importing every module of every package from a cold disk takes seconds.
DEADLINE = 120


class Failure(Exception):
    """What is wrong, for people."""


class Runtime:
    """What `runtime.toml` and the lock say."""

    def __init__(self, directory):
        self.directory = Path(directory)
        places = [self.directory / name for name in (lock.REQUIREMENTS, lock.PYLOCK)]
        found = [place for place in places if place.is_file()]
        if len(found) != 1:
            raise Failure(f"{self.directory} must have one of {lock.REQUIREMENTS} and {lock.PYLOCK}, and has {len(found)}")
        self.lock = found[0]
        try:
            facts = tomllib.loads((self.directory / "runtime.toml").read_text(encoding="utf-8"))
            text = self.lock.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise Failure(f"{self.directory} is no runtime: {error}") from error
        self.preload = facts.pop("preload", [])
        self.amendments, self.left_out = facts.pop("amend", []), facts.pop("leave_out", [])
        if set(facts) != KEYS or not all(isinstance(value, str) and value for value in facts.values()):
            raise Failure(f"{self.directory}/runtime.toml must have the texts {', '.join(sorted(KEYS))}, may have preload, amend and leave_out, and nothing else")
        if not isinstance(self.preload, list) or not all(isinstance(name, str) and MODULE.fullmatch(name) for name in self.preload):
            raise Failure(f"{self.directory}/runtime.toml: preload is a list of modules")
        if not isinstance(self.left_out, list) or not all(isinstance(pattern, str) and pattern for pattern in self.left_out):
            raise Failure(f"{self.directory}/runtime.toml: leave_out is a list of patterns of paths")
        for one in self.amendments:
            if not isinstance(one, dict) or set(one) != {"file", "old", "new"} or not all(isinstance(text, str) for text in one.values()):
                raise Failure(f"{self.directory}/runtime.toml: each amend has the texts file, old and new")
        self.name, self.version, self.python = facts["name"], facts["version"], facts["python"]
        if not re.fullmatch(r"[a-z0-9-]{1,32}", self.name) or not re.fullmatch(r"[0-9]+\.[0-9]+", self.python):
            raise Failure(f"{self.directory}/runtime.toml: name has lower-case letters, digits and hyphens; python is MAJOR.MINOR")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", self.version):
            raise Failure(f"{self.directory}/runtime.toml: version has letters, digits, dots, hyphens and underscores, at most 64")
        self.digest = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
        try:
            self.locked = lock.read(self.lock, text, lock.Target(self.python))
        except lock.Refused as refused:
            raise Failure(str(refused)) from refused
        self.image = f"zona/runtime-{self.name}:{self.version}"

    def install(self, target):
        """Installs the locked wheels into `target`. Answers the hash of each, by normalized name."""
        if not self.locked:
            return {}
        report, wanted = target.parent / "report.json", target.parent / "requirements.txt"
        # What was read, and not the lock: pip could read it in another way.
        lines = [" ".join([f"{name}=={version}", *(f"--hash={digest}" for digest in hashes)]) for name, (version, hashes) in self.locked.items()]
        wanted.write_text("\n".join(lines) + "\n", encoding="utf-8")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-cache-dir",
               "--root-user-action=ignore", "--require-hashes", "--only-binary=:all:", "--no-deps", "--no-compile",
               "--python-version", self.python, "--implementation", "cp", "--platform", "manylinux2014_x86_64",
               "--report", str(report), "--target", str(target), "--requirement", str(wanted)]
        done = subprocess.run(pip, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(self.refusal(done.stderr))
        self.amend(target)
        for pattern in self.left_out:
            found = [place for place in target.glob(pattern) if place.is_dir()]
            if not found:
                raise Failure(f"{self.directory}/runtime.toml: leave_out has {pattern}, and there is no such directory")
            for place in found:
                shutil.rmtree(place, ignore_errors=True)
        # Programs are of no use to code that is imported.
        shutil.rmtree(target / "bin", ignore_errors=True)
        installed = {}
        for entry in json.loads(report.read_text(encoding="utf-8"))["install"]:
            digest = entry["download_info"]["archive_info"]["hash"].replace("=", ":", 1)
            installed[normalized(entry["metadata"]["name"])] = digest
        return installed

    def amend(self, target):
        """Changes installed files, each at the one place that is meant: a package that became another one ends the build."""
        for one in self.amendments:
            file = (target / one["file"]).resolve()
            if not file.is_relative_to(target.resolve()) or not file.is_file():
                raise Failure(f"{self.directory}/runtime.toml: there is no {one['file']} to amend")
            text = file.read_text(encoding="utf-8")
            if not one["old"] or text.count(one["old"]) != 1:
                raise Failure(f"{self.directory}/runtime.toml: {one['file']} has {one['old']!r} {text.count(one['old'])} times, and must have it once")
            file.write_text(text.replace(one["old"], one["new"]), encoding="utf-8")

    def refusal(self, words):
        if "DO NOT MATCH THE HASHES" in words:
            found = " ".join(" ".join(words.split("DO NOT MATCH THE HASHES", 1)[1].split()[-40:]).split("\n"))
            return f"a file does not have the hash that {self.lock} demands, so nothing was installed: {found}"
        return f"pip could not install {self.lock}, so nothing was installed: {words.strip()}"

    def manifest(self, target, hashes):
        """What was installed, as it is read by the server."""
        packages = []
        for distribution in importlib.metadata.distributions(path=[str(target)]):
            name = distribution.metadata["Name"]
            digest = hashes.get(normalized(name))
            if digest is None or digest not in self.locked.get(normalized(name), (None, ()))[1]:
                raise Failure(f"{name} {distribution.version} was installed by no hash of {self.lock}")
            packages.append({"name": name, "version": distribution.version, "modules": modules(distribution), "hashes": [digest]})
        missing = self.locked.keys() - {normalized(package["name"]) for package in packages}
        if missing:
            raise Failure(f"of {self.lock}, these were not installed: {', '.join(sorted(missing))}")
        packages.sort(key=lambda package: package["name"].lower())
        facts = {"name": self.name, "version": self.version, "python": self.python, "lock": self.digest,
                 "preload": self.preload, "packages": packages}
        return json.dumps(facts, separators=(",", ":"))


def modules(distribution):
    """Top-level modules: what the package says, else what its list of files shows."""
    named = distribution.read_text("top_level.txt")
    if named is not None:
        found = set(named.split())
    else:
        parts = [file.parts for file in distribution.files or ()]
        found = {part[0] for part in parts if len(part) > 1} | {part[0].split(".")[0] for part in parts if part[0].endswith((".py", ".so"))}
    return sorted(name for name in found if re.fullmatch(r"\w+", name) and name != "__pycache__")


def output(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE, **options)
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, command[:3]))} ... failed: {done.stderr.strip()[-2000:]}")
    return done.stdout


def readable(tree):
    """Whoever runs in a sandbox may read everything, and write nothing."""
    for path in [tree, *tree.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def sealed(stage):
    """What a command that runs code of packages begins with, and where it finds them: no network, no process but its own, and no
    rights of root. Nobody may be unable to reach the stage, so root mounts it where everybody can, for that command alone."""
    tools = {name: shutil.which(name) for name in ("unshare", "setpriv", "mount")}
    missing = [name for name, path in tools.items() if path is None]
    if missing:
        raise Failure(f"packages are imported without network, which needs {', '.join(missing)}: install util-linux and mount")
    namespaces = ["--net", "--ipc", "--pid", "--fork", "--kill-child"]
    if os.geteuid() == 0:
        place = "/mnt"
        command = [tools["unshare"], "--mount", *namespaces, "/bin/sh", "-c", '"$0" --bind "$1" "$2" && shift 2 && exec "$@"',
                   tools["mount"], str(stage), place, tools["setpriv"], "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups",
                   "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
    else:
        place = str(stage)
        command = [tools["unshare"], "--user", "--map-current-user", *namespaces, tools["setpriv"], "--no-new-privs"]
    tried = subprocess.run([*command, "true"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        raise Failure(f"packages are imported without network, which this host does not let us do: {tried.stderr.strip()}; build as root "
                      "with CAP_SYS_ADMIN, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, "
                      "kernel.apparmor_restrict_unprivileged_userns=0)")
    return command, place


def build_directory(runtime, target, interpreter):
    target = target.absolute()
    if target.exists() and any(target.iterdir()) and not (target / MANIFEST).is_file():
        raise Failure(f"{target} holds something else; name an empty directory, or one that a build has made")
    python = [str(interpreter), "-I", "-B"]
    found = output([*python, "-c", "import platform; print(platform.python_version())"]).strip()
    if not found.startswith(runtime.python + "."):
        raise Failure(f"runtime {runtime.name} is for Python {runtime.python}, and {interpreter} is {found}; name another with --python")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as work:
        stage = Path(work) / "packages"
        stage.mkdir()
        seal, place = sealed(stage)
        manifest = runtime.manifest(stage, runtime.install(stage))
        compiling = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s", str(stage), "-p", str(target), str(stage)]
        output([*python, *compiling])
        readable(stage)
        importing = [*seal, *python, "-", place]
        interface = output(importing, input=MODULE_API.read_text(encoding="utf-8"), env={"LANG": "C.UTF-8"}, cwd="/")
        (stage / MANIFEST).write_text(manifest, encoding="utf-8")
        (stage / INTERFACE).write_text(interface, encoding="utf-8")
        readable(stage)
        if target.exists():
            target.rename(Path(work) / "old")
        stage.rename(target)
    print(f"{target}: runtime {runtime.name} {runtime.version} for Python {found}, {len(runtime.locked)} packages")


def docker(*arguments, **options):
    return output(["docker", *arguments], **options)


def label_of(image, label):
    done = subprocess.run(["docker", "image", "inspect", "--format", f'{{{{index .Config.Labels "{label}"}}}}', image],
                          capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def id_of(image):
    done = subprocess.run(["docker", "image", "inspect", "--format", "{{.Id}}", image], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def build_image(runtime, base, force):
    base_id = id_of(base)
    if not base_id:
        raise Failure(f"the base image {base} is missing; build it with deploy/sandbox/build-image.sh")
    version = label_of(base, "zona.python")
    if not version.startswith(runtime.python + "."):
        raise Failure(f"runtime {runtime.name} is for Python {runtime.python}, and {base} has {version or 'none'}")
    parts = [Path(__file__), HERE / "lock.py", MODULE_API, PROBE, runtime.directory / "runtime.toml", runtime.lock]
    build = hashlib.sha256(b"".join([base_id.encode(), *(part.read_bytes() for part in parts)])).hexdigest()[:32]
    if not force and label_of(runtime.image, "zona.build") == build:
        print(f"{runtime.image} is up to date ({build})")
        return
    # Not /tmp: a daemon with a private one could not see what it is to mount.
    with tempfile.TemporaryDirectory(prefix="zona-runtime-", dir="/var/tmp") as work:
        packages = Path(work) / "packages"
        packages.mkdir()
        manifest = runtime.manifest(packages, runtime.install(packages))
        Path(work).chmod(0o755)
        readable(packages)
        contents = [f"FROM {base}\n"]
        places = []
        if runtime.locked:
            compile_in(base, packages)
            readable(packages)
            contents.append(f"COPY packages/ {IN_IMAGE}/\n")
            places.append(IN_IMAGE)
        (Path(work) / "Dockerfile").write_text("".join(contents), encoding="utf-8")
        confined = ["run", "--rm", "-i", "--network", "none", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
                    "--user", f"{NOBODY}:{NOBODY}", "-v", f"{packages}:{IN_IMAGE}:ro", "--entrypoint", f"/usr/bin/python{runtime.python}", base,
                    "-I", "-B", "-", *places]
        layout = docker(*confined, input=PROBE.read_text(encoding="utf-8")).strip()
        interface = docker(*confined, input=MODULE_API.read_text(encoding="utf-8"))
        labels = {"zona.build": build, "zona.layout": layout, "zona.runtime": manifest, "zona.interface": interface}
        quoted = [text for text in labels.values() if "'" in text]
        if quoted:
            raise Failure(f"a label cannot hold a quote: {quoted[0][:200]}")
        previous = id_of(runtime.image)
        arguments = [part for name, text in labels.items() for part in ("--label", f"{name}={text}")]
        docker("build", "--quiet", "--network", "none", "--tag", runtime.image, *arguments, work)
    if previous and previous != id_of(runtime.image):
        # The image that lost its name goes, unless a container still uses it.
        subprocess.run(["docker", "image", "rm", previous], capture_output=True, check=False)
    print(f"{runtime.image}: runtime {runtime.name} {runtime.version} for Python {version}, {len(runtime.locked)} packages, build {build}")


def compile_in(base, packages):
    """Byte code by the interpreter of the image. `unchecked-hash`: no source is looked at or compared when a module loads."""
    docker("run", "--rm", "--network", "none", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
           "--user", f"{os.getuid()}:{os.getgid()}", "-v", f"{packages}:/stage", base,
           "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s", "/stage", "-p", IN_IMAGE, "/stage")


def main():
    parser = argparse.ArgumentParser(description="Builds a runtime from its lock file.")
    tasks = parser.add_subparsers(dest="task", required=True)
    directory = tasks.add_parser("directory", help="packages for the namespace backend")
    directory.add_argument("runtime", type=Path)
    directory.add_argument("target", type=Path)
    directory.add_argument("--python", type=Path, default=Path("/usr/bin/python3"))
    image = tasks.add_parser("image", help="an image for the docker backend")
    image.add_argument("runtime", type=Path)
    image.add_argument("--base", default=BASE)
    image.add_argument("--force", action="store_true")
    arguments = parser.parse_args()
    runtime = Runtime(arguments.runtime)
    if arguments.task == "directory":
        build_directory(runtime, arguments.target, arguments.python)
    else:
        build_image(runtime, arguments.base, arguments.force)


if __name__ == "__main__":
    os.umask(0o022)
    try:
        main()
    except (Failure, subprocess.TimeoutExpired) as failure:
        sys.exit(f"build: {failure}")
