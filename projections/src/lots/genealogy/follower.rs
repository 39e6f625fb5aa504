use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use commands::ports::{EventStore, LogFilter, StoreError};
use domain::{Decider, lots::Lot};
use tokio::sync::watch;
use uuid::Uuid;

use super::{
    apply, image,
    service::{Genealogy, GenealogyOptions, NAME},
};
use crate::{
    anchor::{Stretch, is_of_this_log},
    ports::ReadStore,
};

const PAGE_EVENTS: usize = 2_000;
const POLL: Duration = Duration::from_millis(250);
/// How often it looks whether the log is still the one that it follows.
const LOOK_AT_LOG: Duration = Duration::from_millis(2_500);
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Keeps an index current.
#[derive(Clone)]
pub(super) struct Follower {
    pub(super) genealogy: Arc<Genealogy>,
    pub(super) events: Arc<dyn EventStore>,
    pub(super) images: Option<Arc<dyn ReadStore>>,
    pub(super) options: GenealogyOptions,
    pub(super) stop: watch::Receiver<bool>,
    /// The event that stands where the index stands.
    pub(super) anchor: Option<Uuid>,
    /// When that event was last seen in the log. None: not since the log failed to answer, which may have been replaced.
    pub(super) looked: Option<Instant>,
}

impl Follower {
    /// Follows until it is told to stop. A panic must not leave an index behind that stands still unseen: it is thrown
    /// away, for the panic may have left half a page in it, and begun anew.
    pub(super) async fn keep_running(mut self) {
        while let Err(died) = tokio::spawn(self.clone().run()).await {
            tracing::error!(%died, "the genealogy's follower died; the index is built anew");
            metrics::counter!("cairn_background_restarts_total", "task" => NAME).increment(1);
            let head = self.events.head().await.unwrap_or_else(|_lost| self.genealogy.position());
            self.genealogy.begin_anew(head);
            let stopped = self.stop.wait_for(|stop| *stop);
            if tokio::time::timeout(TRY_AGAIN, stopped).await.is_ok() {
                return;
            }
        }
    }

    async fn run(mut self) {
        self.load_image().await;
        let filter = LogFilter {
            categories: vec![Lot::CATEGORY.into()],
            event_types: apply::EVENT_TYPES.iter().map(|&name| name.into()).collect(),
        };
        let mut wake_up = self.events.wake_up();
        let mut events_since_image = 0;
        while !*self.stop.borrow() {
            let wait = match self.next(&filter).await {
                Ok(Some(events)) => {
                    events_since_image += events;
                    if events_since_image >= self.options.image_every_events {
                        self.save_image().await;
                        events_since_image = 0;
                    }
                    continue;
                }
                Ok(None) => POLL,
                Err(error) => {
                    self.looked = None;
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

    /// Adds the next page of the log and answers how many events it held. None: there is no more.
    async fn next(&mut self, filter: &LogFilter) -> Result<Option<u64>, StoreError> {
        let after = self.genealogy.position();
        let page = self.events.read_log(after, filter, PAGE_EVENTS).await?;
        let through = page.read_through;
        let stretch = match through > after {
            true => Some(Stretch::of(&*self.events, page, through).await?),
            false if self.looked.is_some_and(|looked| looked.elapsed() <= LOOK_AT_LOG) => return Ok(None),
            false => None,
        };
        // Looked at last: a page that was read before is of the log that this event is found in, or is not added.
        if !is_of_this_log(&*self.events, after, self.anchor).await? {
            tracing::warn!(
                position = after,
                "the genealogy does not follow from this log, which was restored or replaced: it is built anew from it"
            );
            self.genealogy.begin_anew(self.events.head().await?);
            self.anchor = None;
            return Ok(Some(0));
        }
        self.looked = Some(Instant::now());
        let Some(stretch) = stretch else { return Ok(None) };
        self.genealogy.add(&stretch.events, through);
        self.anchor = stretch.anchor;
        Ok(Some(stretch.events.len() as u64))
    }

    /// Starts from the image kept last, if it is whole and of this log.
    async fn load_image(&mut self) {
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
        match is_of_this_log(&*self.events, position, Some(anchor)).await {
            Ok(true) => {
                self.genealogy.take_over(tenants, position);
                self.anchor = Some(anchor);
            }
            Ok(false) => {
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
        let (Some(images), Some(anchor)) = (&self.images, self.anchor) else { return };
        let position = self.genealogy.position();
        let genealogy = Arc::clone(&self.genealogy);
        let encoded = tokio::task::spawn_blocking(move || image::encode(&genealogy.tenants, anchor)).await;
        let Ok(bytes) = encoded else { return };
        if let Err(error) = images.save_image(NAME, position, bytes).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "no image of the genealogy is kept");
        }
    }
}
