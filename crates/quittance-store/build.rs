//! The migrations are embedded by a macro, which cargo does not see reading their folder.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
