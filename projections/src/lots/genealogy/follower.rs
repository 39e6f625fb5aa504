use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use commands::{
    ports::{LogFilter, StoreError},
    tail::{Place, Read, Reader, Tail, holds},
};
use domain::{Decider, lots::Lot};
use tokio::sync::watch;

use super::{
    apply, image,
    service::{Genealogy, GenealogyOptions, NAME},
};
use crate::{ports::ReadStore, runner::Ride};

const PAGE_EVENTS: usize = 2_000;
/// How long it lets events gather while nobody waits for them.
const BREATH: Duration = Duration::from_millis(250);
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// What the log had for an index.
enum Came {
    /// A full page: it is behind, and there is more.
    More,
    Latest,
    Nothing,
}

/// Keeps an index current.
#[derive(Clone)]
pub(super) struct Follower {
    pub(super) genealogy: Arc<Genealogy>,
    pub(super) tail: Tail,
    pub(super) images: Option<Arc<dyn ReadStore>>,
    pub(super) options: GenealogyOptions,
    /// A seat in a pass over the whole log, until it is taken.
    pub(super) ride: Arc<Mutex<Option<Ride>>>,
    pub(super) stop: watch::Receiver<bool>,
    /// Where the index stands.
    pub(super) place: Place,
    pub(super) events_since_image: u64,
}

impl Follower {
    /// Follows until it is told to stop. A panic must not leave an index behind that stands still unseen: it is thrown
    /// away, for the panic may have left half a page in it, and begun anew.
    pub(super) async fn keep_running(mut self) {
        while let Err(died) = tokio::spawn(self.clone().run()).await {
            tracing::error!(%died, "the genealogy's follower died; the index is built anew");
            metrics::counter!("cairn_background_restarts_total", "task" => NAME).increment(1);
            self.genealogy.build_anew();
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
        self.ride_along(&filter).await;
        let mut reader = self.tail.reader(filter);
        while !*self.stop.borrow() {
            match self.next(&mut reader).await {
                Ok(Came::More) => {}
                Ok(Came::Latest) => self.take_breath().await,
                Ok(Came::Nothing) => {
                    tokio::select! {
                        () = reader.woken() => {}
                        _ = self.stop.wait_for(|stop| *stop) => {}
                    }
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the genealogy waits for the log"
                    );
                    let stopped = self.stop.wait_for(|stop| *stop);
                    let _ = tokio::time::timeout(TRY_AGAIN, stopped).await;
                }
            }
        }
        if self.events_since_image > 0 {
            self.save_image().await;
        }
    }

    /// Without an image the whole log is due, and perhaps somebody reads it anyhow.
    async fn ride_along(&mut self, filter: &LogFilter) {
        let ride = self.ride.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(ride) = ride.filter(|_| self.place == Place::BEGINNING) else { return };
        let mut pages = ride.board(filter.clone());
        loop {
            let page = tokio::select! {
                page = pages.recv() => page,
                _ = self.stop.wait_for(|stop| *stop) => None,
            };
            let Some(page) = page else { return };
            let (genealogy, filter) = (Arc::clone(&self.genealogy), filter.clone());
            let (events, end) = (page.events.len() as u64, page.end);
            let added = tokio::task::spawn_blocking(move || {
                let events = page.events.iter().map(|event| &**event).filter(|event| filter.passes(event));
                genealogy.add(events, page.end.position);
            });
            if added.await.is_err() {
                // What is half added must not stay.
                self.genealogy.build_anew();
                self.place = Place::BEGINNING;
                return;
            }
            self.place = end;
            self.events_since_image += events;
        }
    }

    /// Adds the next page of the log.
    async fn next(&mut self, reader: &mut Reader) -> Result<Came, StoreError> {
        match reader.read(self.place, PAGE_EVENTS).await? {
            Read::AtEnd => Ok(Came::Nothing),
            Read::Page(page) => {
                let came = if page.events.len() < PAGE_EVENTS { Came::Latest } else { Came::More };
                self.genealogy.add(page.events.iter().map(|event| &**event), page.end.position);
                self.place = page.end;
                self.events_since_image += page.events.len() as u64;
                if self.events_since_image >= self.options.image_every_events {
                    self.save_image().await;
                    self.events_since_image = 0;
                }
                Ok(came)
            }
            Read::Replaced => {
                tracing::warn!(
                    position = self.place.position,
                    "the genealogy does not follow from this log, which was restored or replaced: it is built anew from it"
                );
                self.genealogy.begin_anew(reader.log().head().await?);
                self.place = Place::BEGINNING;
                Ok(Came::More)
            }
        }
    }

    /// At the log's end, while nobody waits for it, what comes within a moment is read at once: a process that stands by beside
    /// a busy one must not ask the log for every commit.
    async fn take_breath(&mut self) {
        if self.genealogy.is_waited_for() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(BREATH) => {}
            () = self.genealogy.waited_for() => {}
            _ = self.stop.wait_for(|stop| *stop) => {}
        }
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
        let place = Place { position, event_id: Some(anchor) };
        match holds(&**self.tail.log(), place).await {
            Ok(true) => {
                self.genealogy.take_over(tenants, position);
                self.place = place;
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
        let (Some(images), Place { position, event_id: Some(anchor) }) = (&self.images, self.place) else {
            return;
        };
        let genealogy = Arc::clone(&self.genealogy);
        let encoded = tokio::task::spawn_blocking(move || image::encode(&genealogy.tenants, anchor)).await;
        let Ok(bytes) = encoded else { return };
        if let Err(error) = images.save_image(NAME, position, bytes).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "no image of the genealogy is kept");
        }
    }
}
