//! The binary `cairn`.

/// A quarter of a server's time went into glibc's allocator, which also kept what it had once taken. This one asks the
/// machine less often and gives back within moments what is free. It does without huge pages: of each, two megabytes are taken
/// where a few kilobytes are used.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    api::cli::main()
}
