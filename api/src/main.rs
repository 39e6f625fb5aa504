//! The binary `cairn`.

/// Of jemalloc, for SQLite too: many small values that one thread makes and another frees are what a server of events does, and
/// glibc's arenas contend for it, or keep what they will not use again.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    api::cli::main()
}
