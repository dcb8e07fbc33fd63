//! Parses arguments, calls a command, turns its error into one sentence and an exit code.

fn main() {}
