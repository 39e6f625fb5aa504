use std::sync::Arc;

use commands::ports::Metadata;

/// What the events of a page repeat, read once: those of a commit share their metadata, and there are few types of them.
#[derive(Default)]
pub(crate) struct Repeated {
    event_types: Vec<Arc<str>>,
    metadata: Option<(String, Metadata)>,
}

/// A page of more types than this has them each for itself: they are looked for one after the other.
const MOST_TYPES: usize = 32;

impl Repeated {
    /// An event's type.
    pub(crate) fn event_type(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.event_types.iter().find(|known| ***known == *name) {
            return Arc::clone(known);
        }
        let new: Arc<str> = name.into();
        if self.event_types.len() < MOST_TYPES {
            self.event_types.push(Arc::clone(&new));
        }
        new
    }

    /// The metadata that are stored as this JSON text.
    pub(crate) fn metadata(&mut self, text: &str) -> serde_json::Result<Metadata> {
        if let Some((_, metadata)) = self.metadata.as_ref().filter(|(known, _)| known == text) {
            return Ok(metadata.clone());
        }
        let metadata: Metadata = serde_json::from_str(text)?;
        self.metadata = Some((text.to_owned(), metadata.clone()));
        Ok(metadata)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_read_and_what_is_damaged_is_said() {
        let text = |actor: &str| {
            let id = "01890000-0000-7000-8000-000000000000";
            format!(r#"{{"command_id":"{id}","correlation_id":"{id}","actor":"{actor}"}}"#)
        };
        let mut repeated = Repeated::default();
        let actors = ["ann", "ann", "bob", "ann"].map(|actor| repeated.metadata(&text(actor)).unwrap().actor);
        assert_eq!(actors, ["ann", "ann", "bob", "ann"]);
        assert!(repeated.metadata("{}").is_err());
        let names: Vec<_> = (0..100).map(|number| format!("Type{}", number % 50)).collect();
        assert!(names.iter().all(|name| *repeated.event_type(name) == **name));
    }
}
