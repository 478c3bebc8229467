//! The `groma` binary: everything is in [`groma::cli`].

fn main() -> std::process::ExitCode {
    groma::cli::main()
}
