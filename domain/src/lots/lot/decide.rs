use super::{Lot, LotCommand, LotEvent, LotRefusal, holding, making, quality, remainder};
use crate::Decider;

impl Decider for Lot {
    const CATEGORY: &'static str = "lot";
    type Command = LotCommand;
    type Event = LotEvent;
    type Error = LotRefusal;

    fn decide(&self, command: LotCommand) -> Result<Vec<LotEvent>, LotRefusal> {
        match command {
            LotCommand::Create(command) => making::create(self.existing(), command),
            LotCommand::Produce(command) => making::produce(self.existing(), command),
            LotCommand::AddInput(command) => making::add_input(self.found()?, command),
            LotCommand::Use(command) => making::take(self.found()?, command),
            LotCommand::Weigh { weight_grams, balance_override, now } => {
                making::weigh(self.found()?, weight_grams, balance_override.as_ref(), now)
            }
            LotCommand::Register { now } => quality::register(self.found()?, now),
            LotCommand::Inspect(command) => quality::inspect(self.found()?, command),
            LotCommand::Hold { reason, deviation_id, now } => {
                holding::hold(self.found()?, &reason, deviation_id, now)
            }
            LotCommand::HoldForTemperature { reading, hold_disposition, deviation_id, now } => {
                Ok(holding::hold_for_temperature(self.found()?, reading, hold_disposition, deviation_id, now))
            }
            LotCommand::ResolveHold { disposition, now } => {
                holding::resolve_hold(self.found()?, disposition, now)
            }
            LotCommand::ConfirmReject { disposition, now } => {
                holding::confirm_reject(self.found()?, disposition, now)
            }
            LotCommand::WriteOffRemainder { reason, now } => {
                remainder::write_off(self.found()?, &reason, now)
            }
            LotCommand::Finish { children, now } => remainder::finish(self.found()?, children, now),
            LotCommand::Ship(command) => remainder::ship(self.found()?, command),
        }
    }

    fn evolve(self, event: &LotEvent) -> Self {
        self.after(event)
    }
}
