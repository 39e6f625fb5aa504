use std::{any::Any, marker::PhantomData, sync::Arc};

use domain::{Decider, Event, kernel::personal};
use serde::{Serialize, de::DeserializeOwned};

use crate::ports::{PastEvent, RecordedEvent, StreamKey};

/// A decider that the engine can keep: its state is cached, copied and written into snapshots.
pub trait Aggregate: Decider + Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Raised whenever the state's fields or their meaning change: snapshots of other versions are ignored.
    const STATE_VERSION: u32;
}

/// A cached state of any aggregate.
pub(crate) type AnyState = Arc<dyn Any + Send + Sync>;

/// A stored event or snapshot does not fit the program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{stream} cannot be folded at version {version}: {reason}")]
pub struct FoldFault {
    /// Which stream.
    pub stream: String,
    /// The version whose event does not fit.
    pub version: u64,
    /// What is wrong with it.
    pub reason: String,
    /// The event's type, or the version of its schema, is one that this program does not know: a newer program wrote it.
    /// That is no damage, and nothing to pass over.
    pub is_newer: bool,
}

/// The aggregate behind a stream, its type forgotten, so that the engine can hold streams of many kinds at once.
pub(crate) trait Codec: Send + Sync {
    /// Names the shape of the states that [`Self::save`] writes.
    fn shape(&self) -> String;
    fn initial(&self) -> AnyState;
    fn evolve(
        &self,
        state: AnyState,
        stream: &StreamKey,
        events: &mut dyn Iterator<Item = PastEvent<'_>>,
    ) -> Result<AnyState, FoldFault>;
    fn save(&self, state: &AnyState) -> Option<String>;
    /// How long the state's text would be.
    fn text_bytes(&self, state: &AnyState) -> usize;
    fn restore(&self, text: &str) -> Option<AnyState>;
}

pub(crate) struct AggregateCodec<A>(PhantomData<fn() -> A>);

impl<A: Aggregate> AggregateCodec<A> {
    pub(crate) const REFERENCE: &'static dyn Codec = &Self(PhantomData);
}

impl<A: Aggregate> Codec for AggregateCodec<A> {
    fn shape(&self) -> String {
        format!("{}.{}", A::CATEGORY, A::STATE_VERSION)
    }

    fn initial(&self) -> AnyState {
        Arc::new(A::initial())
    }

    fn evolve(
        &self,
        state: AnyState,
        stream: &StreamKey,
        events: &mut dyn Iterator<Item = PastEvent<'_>>,
    ) -> Result<AnyState, FoldFault> {
        let Ok(state) = state.downcast::<A>() else {
            return Err(FoldFault {
                stream: stream.to_string(),
                version: 0,
                reason: "two aggregates share this category".to_owned(),
                is_newer: false,
            });
        };
        let mut state = Arc::unwrap_or_clone(state);
        for event in events {
            state = state.evolve(&decode::<A::Event>(stream, &event)?);
        }
        Ok(Arc::new(state))
    }

    fn save(&self, state: &AnyState) -> Option<String> {
        let state = state.downcast_ref::<A>()?;
        personal::in_the_open(|| serde_json::to_string(state)).ok()
    }

    fn text_bytes(&self, state: &AnyState) -> usize {
        let mut counted = Counted(0);
        if let Some(state) = state.downcast_ref::<A>() {
            // Counting cannot fail; a state that cannot be written weighs what of it could. What is personal weighs too.
            let _unwritable = personal::in_the_open(|| serde_json::to_writer(&mut counted, state));
        }
        counted.0
    }

    fn restore(&self, text: &str) -> Option<AnyState> {
        let state: A = serde_json::from_str(text).ok()?;
        Some(Arc::new(state))
    }
}

/// Takes everything and keeps its length alone.
struct Counted(usize);

impl std::io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Reads a stored event as one of its aggregate's.
pub fn decode_event<E: Event>(recorded: &RecordedEvent) -> Result<E, FoldFault> {
    let RecordedEvent { version, event_type, schema_version, payload, .. } = recorded;
    let (version, schema_version) = (*version, *schema_version);
    decode(&recorded.stream, &PastEvent { version, event_type, schema_version, payload })
}

fn decode<E: Event>(stream: &StreamKey, stored: &PastEvent<'_>) -> Result<E, FoldFault> {
    let PastEvent { version, event_type, schema_version, payload } = *stored;
    let mut payload = serde_json::Deserializer::from_str(payload);
    E::deserialize_payload(event_type, schema_version, &mut payload).map_err(|error| FoldFault {
        stream: stream.to_string(),
        version,
        reason: error.to_string(),
        is_newer: !E::is_known(event_type, schema_version),
    })
}

/// The aggregate's state after these events of its stream.
pub fn fold<'a, A: Aggregate>(events: impl IntoIterator<Item = &'a RecordedEvent>) -> Result<A, FoldFault> {
    events
        .into_iter()
        .try_fold(A::initial(), |state, recorded| Ok(state.evolve(&decode_event::<A::Event>(recorded)?)))
}

#[cfg(test)]
mod tests {
    use domain::{
        bookings::{ServiceEvent, ServiceRefusal},
        kernel::Personal,
    };
    use serde::Deserialize;

    use super::*;

    #[derive(Clone, Default, Serialize, Deserialize)]
    struct Guests(Vec<Personal<String>>);

    impl Decider for Guests {
        const CATEGORY: &'static str = "guests";
        type Command = ();
        type Event = ServiceEvent;
        type Error = ServiceRefusal;

        fn initial() -> Self {
            Self::default()
        }

        fn decide(&self, (): ()) -> Result<Vec<ServiceEvent>, ServiceRefusal> {
            Ok(Vec::new())
        }

        fn evolve(self, _event: &ServiceEvent) -> Self {
            self
        }
    }

    impl Aggregate for Guests {
        const STATE_VERSION: u32 = 1;
    }

    #[test]
    fn what_is_personal_weighs_as_much_as_anything_else() {
        let guests = |count| Guests(vec![Personal::of("u-1", "Ann of the long name".to_owned()); count]);
        let codec = AggregateCodec::<Guests>::REFERENCE;
        let bytes = |count| codec.text_bytes(&(Arc::new(guests(count)) as AnyState));
        assert!(bytes(10_000) >= 200_000, "{} bytes", bytes(10_000));
        let state = Arc::new(guests(3)) as AnyState;
        assert_eq!(codec.save(&state).unwrap().len(), codec.text_bytes(&state));
    }
}
