//! What goes wrong at the demo plant, and how it is resolved.

use domain::lots::{Decision, Disposition, LotType, ReadingType};

use super::{
    DemoError, Plant,
    floor::{DeviationId, Made},
    people::{ANNA, ESZTER, LASZLO, PETER},
};

/// The days of production are 1, 2 and 3.
pub(super) const LAST_DAY: u32 = 3;

pub(super) const WARM_DELIVERY: &str = "day-1/RAW/3";
pub(super) const BONE_SPLINTERS: &str = "day-1/DEB/2";
pub(super) const TORN_ROD: &str = "day-2/SKW15/17";
pub(super) const WARM_ROD_REFROZEN: &str = "day-2/FRZ30/5";
pub(super) const WARM_ROD_LEFT_OPEN: &str = "day-3/FRZ15/33";
pub(super) const MISLABELLED: &str = "day-3/FG30/4";

impl Plant<'_> {
    /// A lorry without cooling: the reading holds the lot, and it goes back.
    pub(super) async fn refuse_warm_delivery(&mut self, lot: &Made) -> Result<(), DemoError> {
        self.floor.register(ANNA, lot).await?;
        let deviation = self.floor.read(PETER, lot, "warm", ReadingType::Surface, 62).await?;
        let Some(deviation) = deviation else { return Ok(()) };
        let cause = "The lorry's cooling unit stopped on the road; its logger shows two hours above 5 °C.";
        self.floor.disposition(ESZTER, deviation, Disposition::ReturnToSupplier, cause).await?;
        self.floor.confirm_reject(ESZTER, lot).await?;
        self.floor.close_deviation(LASZLO, deviation).await
    }

    /// Held at the gate, sieved again, passed and released before anything was made of it.
    pub(super) async fn hold_for_bone_splinters(&mut self, lot: &Made) -> Result<(), DemoError> {
        self.floor.register(ANNA, lot).await?;
        let notes = "Two bone splinters of 4 mm in a sample of 5 kg; the blade of line 1 is chipped.";
        let deviation = self.floor.inspect(PETER, lot, "held", Decision::Hold, notes).await?;
        self.floor.wait_minutes(18);
        let notes = "Sieved through 3 mm, three samples of 5 kg without a splinter.";
        self.floor.inspect(PETER, lot, "again", Decision::Pass, notes).await?;
        let cause = "A chipped blade on deboning line 1; replaced, and the lot sieved again.";
        self.release(lot, deviation, cause).await
    }

    async fn release(
        &mut self,
        lot: &Made,
        deviation: Option<DeviationId>,
        cause: &str,
    ) -> Result<(), DemoError> {
        let Some(deviation) = deviation else { return Ok(()) };
        self.floor.disposition(ESZTER, deviation, Disposition::Release, cause).await?;
        self.floor.resolve_hold(ESZTER, lot).await?;
        self.floor.close_deviation(LASZLO, deviation).await
    }

    pub(super) async fn fail_torn_rod(&mut self, rod: &Made) -> Result<(), DemoError> {
        self.floor.register(ANNA, rod).await?;
        let notes = "The film tore and the rod fell to the floor; not to be used.";
        self.floor.inspect(PETER, rod, "torn", Decision::Fail, notes).await?;
        Ok(())
    }

    pub(super) async fn write_off_mixer(&mut self, mix: &Made) -> Result<(), DemoError> {
        let reason = "Left in the mixer and on the belt at the end of the batch.";
        self.floor.write_off(ESZTER, mix, reason).await
    }

    /// A core that is not cold enough. Answers the rod when it may be packed after all.
    pub(super) async fn hold_warm_rod(&mut self, rod: Made) -> Result<Option<Made>, DemoError> {
        self.floor.register(ANNA, &rod).await?;
        let deviation = self.floor.read(PETER, &rod, "warm", ReadingType::Core, -164).await?;
        if rod.label == WARM_ROD_LEFT_OPEN {
            return Ok(None);
        }
        self.floor.wait_minutes(120);
        self.floor.read(PETER, &rod, "refrozen", ReadingType::Core, -192).await?;
        let notes = "Two more hours in the cabin; the core is at -19.2 °C.";
        self.floor.inspect(PETER, &rod, "refrozen", Decision::Pass, notes).await?;
        let cause =
            "The rod hung by the cabin's door and froze too slowly; it was frozen through at its core.";
        self.release(&rod, deviation, cause).await?;
        Ok(Some(rod))
    }

    /// A wrong label, found by hand. It is decided to release the lot, once it has passed its gate again.
    pub(super) async fn hold_mislabelled(&mut self, lot: &Made) -> Result<(), DemoError> {
        let reason = "The label shows a best-before date one year too early.";
        let Some(deviation) = self.floor.hold(PETER, lot, reason).await? else { return Ok(()) };
        let cause = "The printer kept yesterday's template; the lot is to be labelled again and inspected.";
        self.floor.disposition(ESZTER, deviation, Disposition::Release, cause).await
    }

    /// The first deliveries of the day after: one released, one waiting at its gate.
    pub(super) async fn begin_next_day(&mut self) -> Result<(), DemoError> {
        let day = LAST_DAY + 1;
        self.phase(day, "receiving");
        self.reach(day, 6, 15);
        let released = self.floor.receive(ANNA, "day-4/RAW/1", "bluehill", 331_500).await?;
        self.floor.pass_gate(std::slice::from_ref(&released), Some((ReadingType::Surface, 8..36))).await?;
        let waiting = self.floor.receive(ANNA, "day-4/RAW/2", "kisduna", 328_200).await?;
        self.floor.register(ANNA, &waiting).await?;
        let used = 160_000;
        self.floor.make(ANNA, "day-4/DEB/1", LotType::Deb, &[(&released, used)], used * 733 / 1_000).await?;
        Ok(())
    }
}

/// Splits off the lots at these places of the script; they come second.
pub(super) fn set_aside(lots: Vec<Made>, places: &[&str]) -> (Vec<Made>, Vec<Made>) {
    lots.into_iter().partition(|lot| !places.contains(&lot.label.as_str()))
}
