use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{LotCode, ReadingType, TemperatureLimit, TenthsC};
use crate::{
    Decider, events,
    kernel::{InvalidInput, LocalDay},
};

/// What a thermometer was held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Subject {
    /// A lot, by id.
    Lot(Uuid),
    /// A buffer, by id.
    Buffer(Uuid),
}

impl Subject {
    /// The stream id of the subject's log of one day: `lot:<id>:2026-03-02`.
    pub fn log_id(self, day: LocalDay) -> String {
        match self {
            Self::Lot(id) => format!("lot:{id}:{day}"),
            Self::Buffer(id) => format!("buffer:{id}:{day}"),
        }
    }
}

/// One reading of a thermometer, with the limit that it was judged by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reading {
    /// Its id.
    pub reading_id: Uuid,
    /// Where the thermometer was held.
    pub reading_type: ReadingType,
    /// What it showed.
    pub tenths_c: TenthsC,
    /// The limit used.
    pub limit: TemperatureLimit,
    /// Who took it.
    pub recorded_by: String,
    /// When.
    pub recorded_at: DateTime<Utc>,
}

/// A temperature was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TemperatureRecorded {
    /// What it was read of.
    pub subject: Subject,
    /// The lot's code, when the subject is a lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot_code: Option<LotCode>,
    /// The local day of the log.
    pub day: LocalDay,
    /// The reading and the limit used.
    pub reading: Reading,
    /// Whether it lies outside the limit.
    pub is_violation: bool,
}

events! {
    /// What happens to a subject's temperature log.
    pub enum TemperatureLogEvent {
        TemperatureRecorded = 1;
    }
}

/// The readings of one subject on one local day. The log has them all; what is kept in mind is the latest of each type, which is
/// what decisions rest on, so that the ten-thousandth reading of a day costs no more than the first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TemperatureLog {
    latest: Vec<Reading>,
}

/// Records one reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordTemperature {
    /// The reading's id, made by the handler.
    pub reading_id: Uuid,
    /// What it was read of.
    pub subject: Subject,
    /// The lot's code, when the subject is a lot.
    pub lot_code: Option<LotCode>,
    /// The local day of `now`.
    pub day: LocalDay,
    /// Where the thermometer was held.
    pub reading_type: ReadingType,
    /// What it showed, -500 to 1,000.
    pub tenths_c: i32,
    /// The limit that applies to the subject and the type.
    pub limit: TemperatureLimit,
    /// Who took it.
    pub recorded_by: String,
    /// When.
    pub now: DateTime<Utc>,
}

impl TemperatureLog {
    /// The latest reading of a type on this day.
    pub fn latest(&self, reading_type: ReadingType) -> Option<&Reading> {
        self.latest.iter().find(|reading| reading.reading_type == reading_type)
    }

    /// The latest reading of each type that was read on this day, longest ago first.
    pub fn latest_of_each(&self) -> &[Reading] {
        &self.latest
    }
}

impl RecordTemperature {
    /// The reading that it records.
    ///
    /// # Errors
    /// When no thermometer shows such a value.
    pub fn reading(&self) -> Result<Reading, InvalidInput> {
        Ok(Reading {
            reading_id: self.reading_id,
            reading_type: self.reading_type,
            tenths_c: TenthsC::reading("tenthsC", self.tenths_c)?,
            limit: self.limit,
            recorded_by: self.recorded_by.clone(),
            recorded_at: self.now,
        })
    }
}

impl Decider for TemperatureLog {
    const CATEGORY: &'static str = "temperature_log";
    type Command = RecordTemperature;
    type Event = TemperatureLogEvent;
    type Error = InvalidInput;

    fn decide(&self, command: RecordTemperature) -> Result<Vec<TemperatureLogEvent>, InvalidInput> {
        let reading = command.reading()?;
        if self.latest.iter().any(|known| known.reading_id == reading.reading_id) {
            return Ok(Vec::new());
        }
        let is_violation = !reading.limit.allows(reading.tenths_c);
        let recorded = TemperatureRecorded {
            subject: command.subject,
            lot_code: command.lot_code,
            day: command.day,
            reading,
            is_violation,
        };
        Ok(vec![recorded.into()])
    }

    fn evolve(mut self, event: &TemperatureLogEvent) -> Self {
        match event {
            TemperatureLogEvent::TemperatureRecorded(event) => {
                self.latest.retain(|known| known.reading_type != event.reading.reading_type);
                self.latest.push(event.reading.clone());
            }
        }
        self
    }
}

#[cfg(test)]
mod tests;
