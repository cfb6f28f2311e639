//! Has the console embedded anew where a file of it came or went: of those that are there, the compiler knows by itself.

fn main() {
    println!("cargo:rerun-if-changed=../../console/dist");
}
