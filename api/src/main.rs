//! The binary `cairn`.

fn main() -> std::process::ExitCode {
    api::cli::main()
}
