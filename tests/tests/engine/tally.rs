//! A small aggregate of the tests' own: a tally that never goes below zero.

use commands::engine::{Aggregate, Command, RunLater, Stage, Stop};
use domain::{Decider, events, identity::Permission, refusals};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TallyRaised {
    pub by: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TallyLowered {
    pub by: i64,
}

events! {
    pub enum TallyEvent {
        TallyRaised = 1;
        TallyLowered = 1;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    pub count: i64,
}

pub enum TallyCommand {
    Raise(i64),
    Lower(i64),
}

refusals! {
    pub struct NotEnough { left: i64 } = "NOT_ENOUGH", "only {left} are left";
}

impl Decider for Tally {
    const CATEGORY: &'static str = "tally";
    type Command = TallyCommand;
    type Event = TallyEvent;
    type Error = NotEnough;

    fn decide(&self, command: TallyCommand) -> Result<Vec<TallyEvent>, NotEnough> {
        match command {
            TallyCommand::Raise(0) | TallyCommand::Lower(0) => Ok(Vec::new()),
            TallyCommand::Raise(by) => Ok(vec![TallyRaised { by }.into()]),
            TallyCommand::Lower(by) if by > self.count => Err(NotEnough { left: self.count }),
            TallyCommand::Lower(by) => Ok(vec![TallyLowered { by }.into()]),
        }
    }

    fn evolve(self, event: &TallyEvent) -> Self {
        match event {
            TallyEvent::TallyRaised(raised) => Self { count: self.count + raised.by },
            TallyEvent::TallyLowered(lowered) => Self { count: self.count - lowered.by },
        }
    }
}

impl Aggregate for Tally {
    const STATE_VERSION: u32 = 1;
}

/// Raises (or lowers, when negative) one tally, and answers the count after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub id: String,
    pub by: i64,
}

impl RunLater for Change {}

impl Command for Change {
    const NAME: &'static str = "Change";
    const PERMISSION: Permission = Permission::LotCreate;
    type Reply = i64;

    fn subject(&self) -> Option<(&'static str, String)> {
        Some((Tally::CATEGORY, self.id.clone()))
    }

    fn handle(&self, stage: &mut Stage<'_>) -> Result<i64, Stop> {
        let change = if self.by < 0 { TallyCommand::Lower(-self.by) } else { TallyCommand::Raise(self.by) };
        Ok(stage.decide::<Tally>(&self.id, change)?.count)
    }
}

/// Moves from one tally to another, in one commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    pub from: String,
    pub to: String,
    pub by: i64,
}

impl Command for Move {
    const NAME: &'static str = "Move";
    const PERMISSION: Permission = Permission::LotCreate;
    type Reply = ();

    fn handle(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        stage.decide::<Tally>(&self.from, TallyCommand::Lower(self.by))?;
        stage.decide::<Tally>(&self.to, TallyCommand::Raise(self.by))?;
        Ok(())
    }
}

/// Opens a tally that must not exist yet, without looking first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    pub id: String,
}

impl Command for Open {
    const NAME: &'static str = "Open";
    const PERMISSION: Permission = Permission::LotCreate;
    type Reply = bool;

    fn handle(&self, stage: &mut Stage<'_>) -> Result<bool, Stop> {
        stage.presume_new::<Tally>(&self.id);
        if stage.state::<Tally>(&self.id)?.count > 0 {
            return Ok(false);
        }
        stage.decide::<Tally>(&self.id, TallyCommand::Raise(1))?;
        Ok(true)
    }
}

/// A command with a defect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stumble {
    pub id: String,
}

impl RunLater for Stumble {}

impl Command for Stumble {
    const NAME: &'static str = "Stumble";
    const PERMISSION: Permission = Permission::LotCreate;
    type Reply = ();

    fn handle(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        stage.decide::<Tally>(&self.id, TallyCommand::Raise(1_000))?;
        panic!("this command has a defect");
    }
}

/// Asks for a change that is due later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeLater {
    pub change: Change,
    pub due_at: chrono::DateTime<chrono::Utc>,
}

impl Command for ChangeLater {
    const NAME: &'static str = "ChangeLater";
    const PERMISSION: Permission = Permission::LotCreate;
    type Reply = ();

    fn handle(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        stage.decide::<Tally>(&self.change.id, TallyCommand::Raise(1))?;
        stage.schedule(self.due_at, &self.change)
    }
}

/// Asks many times for a command with a defect that is due later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StumbleLater {
    pub id: String,
    pub times: usize,
    pub due_at: chrono::DateTime<chrono::Utc>,
}

impl Command for StumbleLater {
    const NAME: &'static str = "StumbleLater";
    const PERMISSION: Permission = Permission::LotCreate;
    type Reply = ();

    fn handle(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        stage.decide::<Tally>(&self.id, TallyCommand::Raise(1))?;
        (0..self.times).try_for_each(|_| stage.schedule(self.due_at, &Stumble { id: self.id.clone() }))
    }
}

/// Raises many tallies at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    pub ids: Vec<String>,
}

impl Command for Spread {
    const NAME: &'static str = "Spread";
    const PERMISSION: Permission = Permission::LotCreate;
    type Reply = ();

    fn handle(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        stage.load_all::<Tally>(self.ids.iter().map(String::as_str))?;
        for id in &self.ids {
            stage.decide::<Tally>(id, TallyCommand::Raise(1))?;
        }
        Ok(())
    }
}
