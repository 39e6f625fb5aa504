mod traced;

use std::{path::PathBuf, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use commands::ports::EventStore;
use domain::{Decider, lots::Lot};
use drawing::Detail;
use projections::lots::genealogy::{Genealogy, GenealogyOptions};
use uuid::Uuid;

use self::traced::{Traced, Ways};
use super::{Context, Failure, Outcome, Place, Printer, Progress, Settled, note, whose};

/// Draw where a lot came from and where it went
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cairn trace RAW-20260302-DUNA-0001 --forward    what was made of a delivery
  cairn trace PAL-20260303-DUNA-0002 --backward   back to the suppliers
  cairn trace MIXLOT-20260302-DUNA-0001 --format svg --out mix.svg
  cairn trace RAW-20260302-DUNA-0001 --format dot | dot -Tpdf -o recall.pdf
  cairn trace RAW-20260302-DUNA-0001 --json | jq '.lots | length'

dot and svg draw layers by production step, in colours that also differ in grey.")]
pub struct Trace {
    /// The lot's code, such as RAW-20260302-DUNA-0001, or its id
    lot: String,
    /// What was made of it, down to the customers [default when no direction is given: both]
    #[arg(long, conflicts_with_all = ["backward", "both"])]
    forward: bool,
    /// What it was made of, back to the suppliers
    #[arg(long, conflicts_with = "both")]
    backward: bool,
    /// Both directions
    #[arg(long)]
    both: bool,
    /// How to show it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Draw every lot, also where many look alike
    #[arg(long)]
    every_lot: bool,
    /// As the log stood at this position
    #[arg(long, value_name = "N", group = "when")]
    position: Option<u64>,
    /// As it was known at this instant (RFC 3339)
    #[arg(long, value_name = "T", group = "when", value_parser = super::as_of::instant)]
    time: Option<DateTime<Utc>>,
    /// Answer in JSON: lots, links, consignees and the mass balance
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Whose lot it is: a tenant's id, or `demo` [default: the configured one that has it]
    #[arg(long, value_name = "ID", env = "CAIRN_TENANT", hide_env_values = true)]
    tenant: Option<String>,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Rows for people
    Table,
    /// Graphviz
    Dot,
    /// A picture
    Svg,
}

impl Trace {
    pub async fn run(self) -> Outcome {
        let settled = self.place.settle()?;
        let stores = settled.open_existing().await?;
        let log = &stores.events;
        let stream = whose::find(&**log, &settled, self.tenant.as_deref(), Lot::CATEGORY, &self.lot).await?;
        let unreadable = || format!("the log {} does not answer", settled.url);
        let as_of = match self.time {
            Some(instant) => Some(log.position_at(instant).await.or_fail(unreadable)?),
            None => self.position,
        };
        let index = follow(log, &settled).await?;
        let lot = Uuid::try_parse(&stream.id).or_fail(|| format!("{stream} is no lot"))?;
        let ways = Ways { forward: !self.backward, backward: !self.forward };
        let traced = Traced::of(&index, stream.tenant, lot, ways, as_of).map_err(|refusal| {
            let failure = Failure::new(format!("{} cannot be traced", self.lot)).because(&refusal);
            match as_of {
                Some(position) => {
                    failure.advise(format!("a later moment: it was not there at position {position}"))
                }
                None => failure,
            }
        })?;
        index.stop().await;
        self.answer(&traced)
    }

    fn answer(&self, traced: &Traced) -> Outcome {
        let detail = if self.every_lot { Detail::Every } else { Detail::Alike };
        let text = if self.json {
            traced.json()?
        } else {
            match self.format {
                Format::Table => traced.report(),
                Format::Dot => drawing::dot(&traced.picture(), detail),
                Format::Svg => drawing::svg(&traced.picture(), detail),
            }
        };
        let Some(file) = &self.out else { return Printer.text(&text) };
        std::fs::write(file, text).or_fail(|| format!("{} cannot be written", file.display()))?;
        note(format_args!("{}: {}", file.display(), traced.size()));
        Ok(())
    }
}

/// The index of lots, once it has reached the head that the log has now.
async fn follow(log: &Arc<dyn EventStore>, settled: &Settled) -> Outcome<Arc<Genealogy>> {
    let unreadable = || format!("the log {} does not answer", settled.url);
    let head = log.head().await.or_fail(unreadable)?;
    let index = Genealogy::start(Arc::clone(log), None, GenealogyOptions::default());
    let mut progress = Progress::start("reading the log", "events", head, head < WORTH_SHOWING);
    loop {
        let step = index.wait_for(head, PROGRESS_EVERY).await;
        progress.reached(index.position(), head);
        if step.is_ok() {
            progress.finish();
            return Ok(index);
        }
    }
}

/// A shorter log is read before anybody looks at the progress.
const WORTH_SHOWING: u64 = 200_000;
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
