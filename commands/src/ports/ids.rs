use uuid::Uuid;

/// Where fresh ids come from: UUIDv7, so that they sort by the time they were made.
pub trait IdSource: Send + Sync + 'static {
    /// An id that nobody has had before.
    fn next(&self) -> Uuid;
}

/// UUIDv7 from the machine's clock and random source.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl IdSource for RandomIds {
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}
