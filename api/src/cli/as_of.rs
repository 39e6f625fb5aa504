use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::Args;
use commands::ports::RecordedEvent;
use projections::history::{self, At};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{Context, Failure, Outcome, Place, Printer, Table, whose};
use crate::contexts;

/// Show an aggregate as it was at a version, a position or a time
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cairn as-of lot RAW-20260302-DUNA-0001
  cairn as-of lot RAW-20260302-DUNA-0001 --version 3    after its third event
  cairn as-of lot RAW-20260302-DUNA-0001 --time 2026-03-02T10:30:00Z
  cairn as-of code_sequence RAW-20260302-DUNA --position 1200 --json")]
pub struct AsOf {
    #[arg(help = format!("The kind of aggregate: {}", known_kinds()))]
    category: String,
    /// Its id; a lot's code will do
    id: String,
    /// After so many events of it
    #[arg(long, value_name = "N", group = "when")]
    version: Option<u64>,
    /// As the log stood at this position
    #[arg(long, value_name = "N", group = "when")]
    position: Option<u64>,
    /// As it was known at this instant (RFC 3339)
    #[arg(long, value_name = "T", group = "when", value_parser = instant)]
    time: Option<DateTime<Utc>>,
    /// Whose aggregate it is: a tenant's id, or `demo` [default: the configured one that has it]
    #[arg(long, value_name = "ID", env = "CAIRN_TENANT", hide_env_values = true)]
    tenant: Option<String>,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// An aggregate at a moment.
#[derive(Serialize)]
struct Moment {
    tenant: Uuid,
    category: String,
    id: String,
    /// Events of it until then.
    version: u64,
    /// Its newest event until then.
    position: u64,
    state: Value,
    history: Vec<Happened>,
}

#[derive(Serialize)]
struct Happened {
    version: u64,
    position: u64,
    recorded_at: DateTime<Utc>,
    event_type: String,
    actor: String,
}

impl AsOf {
    pub async fn run(self) -> Outcome {
        let categories = contexts::categories();
        let Some(kind) = categories.iter().find(|category| category.name == self.category) else {
            let known: Vec<&str> = categories.iter().map(|category| category.name).collect();
            return Err(Failure::usage(format!("there is no category {}", self.category))
                .advise(format!("one of: {}", known.join(", "))));
        };
        let settled = self.place.settle()?;
        let stores = settled.open_existing().await?;
        let log = &*stores.events;
        let stream = whose::find(log, &settled, self.tenant.as_deref(), kind.name, &self.id).await?;
        let failed = || format!("{stream} cannot be read");
        let then = (kind.as_of)(log, &stream, self.moment()).await.or_fail(failed)?;
        if then.version == 0 {
            let command = format!("cairn as-of {} {}{}", self.category, self.id, settled.flags());
            return Err(Failure::new(format!("{} {} did not exist then", self.category, self.id))
                .advise(format!("{command}   shows when it came to be")));
        }
        let events = usize::try_from(then.version).unwrap_or(usize::MAX);
        let history = history::history(log, &stream, 0, events).await.or_fail(failed)?;
        let moment = Moment {
            tenant: stream.tenant,
            category: self.category.clone(),
            id: stream.id.to_string(),
            version: then.version,
            position: then.position,
            state: then.state,
            history: history.iter().map(happened).collect(),
        };
        let printer = Printer;
        if self.json {
            printer.json(&moment)
        } else {
            print(&printer, &moment, settled.time_zone(stream.tenant))
        }
    }

    fn moment(&self) -> At {
        let position = self.position.map(At::Position);
        let version = self.version.map(At::Version);
        position.or(version).or(self.time.map(At::Time)).unwrap_or(At::Position(u64::MAX))
    }
}

fn known_kinds() -> String {
    contexts::categories().iter().map(|category| category.name).collect::<Vec<_>>().join(", ")
}

fn happened(event: &RecordedEvent) -> Happened {
    Happened {
        version: event.version,
        position: event.position,
        recorded_at: event.recorded_at,
        event_type: event.event_type.to_string(),
        actor: event.metadata.actor.clone(),
    }
}

fn print(printer: &Printer, moment: &Moment, zone: Tz) -> Outcome {
    let Moment { category, id, version, position, .. } = moment;
    printer.line(format_args!("{category} {id} at version {version}, position {position}"))?;
    printer.line("")?;
    let columns = Table::default().numbers("version").numbers("position").column("recorded");
    let mut table = columns.column("event").column("by");
    for event in &moment.history {
        let recorded = event.recorded_at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S %Z").to_string();
        table.row([
            event.version.to_string(),
            event.position.to_string(),
            recorded,
            event.event_type.clone(),
            event.actor.clone(),
        ]);
    }
    printer.table(&table)?;
    printer.line("")?;
    let mut lines = Vec::new();
    // Most states wrap what is known in one field of that name.
    let state = moment.state.get("state").filter(|state| state.is_object()).unwrap_or(&moment.state);
    write_value(state, 0, &mut lines);
    lines.iter().try_for_each(|line| printer.line(line))
}

/// Data as indented lines: `weight_grams: 326000`. What is not set is left out.
fn write_value(value: &Value, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
                match one_line(value) {
                    Some(text) => lines.push(format!("{indent}{name}: {text}")),
                    None => {
                        lines.push(format!("{indent}{name}:"));
                        write_value(value, depth + 1, lines);
                    }
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                let first = lines.len();
                write_value(item, depth + 1, lines);
                if let Some(line) = lines.get_mut(first) {
                    line.replace_range(2 * depth..2 * depth + 1, "-");
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            lines.extend(one_line(value).map(|text| format!("{indent}{text}")));
        }
    }
}

fn one_line(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(items) if items.is_empty() => Some("none".to_owned()),
        Value::Object(fields) if fields.is_empty() => Some("none".to_owned()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// An instant as RFC 3339 writes it.
pub fn instant(given: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(given).map(|instant| instant.with_timezone(&Utc)).map_err(|_unreadable| {
        "an instant such as 2026-03-02T10:30:00Z or 2026-03-02T11:30:00+01:00 is wanted".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_category_of_the_log_is_in_the_help() {
        let help = AsOf::augment_args(clap::Command::new("as-of")).render_long_help().to_string();
        assert!(contexts::categories().iter().all(|known| help.contains(known.name)), "{help}");
    }

    #[test]
    fn a_state_is_written_as_indented_lines() {
        let state = serde_json::json!({
            "lot": {"code": "RAW", "hold": null, "children": [], "parents": [{"id": 1, "used": 2}, {"id": 3}]},
            "days": ["Mon", "Tue"],
        });
        let mut lines = Vec::new();
        write_value(&state, 0, &mut lines);
        assert_eq!(
            lines.join("\n"),
            "days:\n  - Mon\n  - Tue\nlot:\n  children: none\n  code: RAW\n  parents:\n    - id: 1\n      used: 2\n    - id: 3"
        );
    }
}
