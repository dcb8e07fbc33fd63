//! The standard output of commands.

#[expect(clippy::print_stdout, reason = "the output of a command is for the operator who runs it")]
pub(super) fn print_line(line: &str) {
    println!("{line}");
}
