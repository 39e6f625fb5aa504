use std::{sync::Arc, time::Duration};

use commands::ports::{EventStore, LogFilter, Position, StoreError};
use domain::{Decider, lots::Lot};
use tokio::sync::watch;
use uuid::Uuid;

use super::{
    apply, image,
    service::{Genealogy, GenealogyOptions, NAME},
};
use crate::ports::ReadStore;

const PAGE_EVENTS: usize = 2_000;
const POLL: Duration = Duration::from_millis(250);
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Keeps an index current.
pub(super) struct Follower {
    pub(super) genealogy: Arc<Genealogy>,
    pub(super) events: Arc<dyn EventStore>,
    pub(super) images: Option<Arc<dyn ReadStore>>,
    pub(super) options: GenealogyOptions,
    pub(super) stop: watch::Receiver<bool>,
}

impl Follower {
    pub(super) async fn run(mut self) {
        self.load_image().await;
        let filter = LogFilter {
            categories: vec![Lot::CATEGORY.into()],
            event_types: apply::EVENT_TYPES.iter().map(|&name| name.into()).collect(),
        };
        let mut wake_up = self.events.wake_up();
        let mut events_since_image = 0;
        while !*self.stop.borrow() {
            let after = self.genealogy.position();
            let wait = match self.events.read_log(after, &filter, PAGE_EVENTS).await {
                Ok(page) if page.read_through > after => {
                    self.genealogy.add(&page.events, page.read_through);
                    events_since_image += page.events.len() as u64;
                    if events_since_image >= self.options.image_every_events {
                        self.save_image().await;
                        events_since_image = 0;
                    }
                    continue;
                }
                Ok(_) => POLL,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the genealogy waits for the log"
                    );
                    TRY_AGAIN
                }
            };
            tokio::select! {
                _ = tokio::time::timeout(wait, wake_up.changed()) => {}
                _ = self.stop.wait_for(|stop| *stop) => {}
            }
        }
        if events_since_image > 0 {
            self.save_image().await;
        }
    }

    /// Starts from the image kept last, if it is whole and of this log.
    async fn load_image(&self) {
        let Some(images) = &self.images else { return };
        let (position, bytes) = match images.load_image(NAME).await {
            Ok(Some(image)) => image,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "no image of the genealogy can be read"
                );
                return;
            }
        };
        let decoded = tokio::task::spawn_blocking(move || image::decode(&bytes, position)).await;
        let Ok(Some((tenants, anchor))) = decoded else {
            tracing::warn!(
                "the image of the genealogy is damaged or of another version: building it from the log"
            );
            return;
        };
        match self.event_id_at(position).await {
            Ok(Some(event_id)) if event_id == anchor => self.genealogy.take_over(tenants, position),
            Ok(_) => {
                tracing::warn!("the image of the genealogy is of another log: building it from this one");
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the image of the genealogy is not used"
                );
            }
        }
    }

    /// Keeps an image. It names the event that it ends with, so that it is never taken for one of another log.
    async fn save_image(&self) {
        let (Some(images), position) = (&self.images, self.genealogy.position()) else { return };
        let anchor = match self.event_id_at(position).await {
            Ok(Some(anchor)) => anchor,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "no image of the genealogy is kept");
                return;
            }
        };
        let genealogy = Arc::clone(&self.genealogy);
        let encoded = tokio::task::spawn_blocking(move || image::encode(&genealogy.tenants, anchor)).await;
        let Ok(bytes) = encoded else { return };
        if let Err(error) = images.save_image(NAME, position, bytes).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "no image of the genealogy is kept");
        }
    }

    async fn event_id_at(&self, position: Position) -> Result<Option<Uuid>, StoreError> {
        let Some(before) = position.checked_sub(1) else { return Ok(None) };
        let page = self.events.read_log(before, &LogFilter::default(), 1).await?;
        Ok(page.events.first().filter(|event| event.position == position).map(|event| event.event_id))
    }
}
