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

/// The readings of one subject on one local day.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TemperatureLog {
    readings: Vec<Reading>,
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
        self.readings.iter().rev().find(|reading| reading.reading_type == reading_type)
    }

    /// A reading by its id.
    pub fn reading(&self, reading_id: Uuid) -> Option<&Reading> {
        self.readings.iter().find(|reading| reading.reading_id == reading_id)
    }
}

impl Decider for TemperatureLog {
    const CATEGORY: &'static str = "temperature_log";
    type Command = RecordTemperature;
    type Event = TemperatureLogEvent;
    type Error = InvalidInput;

    fn initial() -> Self {
        Self::default()
    }

    fn decide(&self, command: RecordTemperature) -> Result<Vec<TemperatureLogEvent>, InvalidInput> {
        if self.reading(command.reading_id).is_some() {
            return Ok(Vec::new());
        }
        let tenths_c = TenthsC::reading("tenthsC", command.tenths_c)?;
        let reading = Reading {
            reading_id: command.reading_id,
            reading_type: command.reading_type,
            tenths_c,
            limit: command.limit,
            recorded_by: command.recorded_by,
            recorded_at: command.now,
        };
        let is_violation = !command.limit.allows(tenths_c);
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
            TemperatureLogEvent::TemperatureRecorded(event) => self.readings.push(event.reading.clone()),
        }
        self
    }
}

#[cfg(test)]
mod tests;
