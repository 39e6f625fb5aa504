use proptest::{collection::vec, prelude::*};

use super::{
    tests::{at, opened},
    *,
};
use crate::lots::properties::goes_on_from_a_snapshot;

fn any_command() -> impl Strategy<Value = DeviationCommand> {
    let cause = || {
        prop::option::of(prop::sample::select(vec![
            "the door stood open".to_owned(),
            "the cooling had failed".to_owned(),
            "short".to_owned(),
        ]))
    };
    let person = || prop::sample::select(vec!["anna".to_owned(), "maria".to_owned()]);
    let disposition =
        prop::sample::select(vec![Disposition::Release, Disposition::Dispose, Disposition::ReturnToSupplier]);
    prop_oneof![
        Just(DeviationCommand::Open(opened(Some("anna")))),
        (disposition, cause(), person(), 0_i64..100).prop_map(|(disposition, root_cause, by, hour)| {
            DeviationCommand::Disposition { disposition, root_cause, by, now: at(hour) }
        }),
        (cause(), person(), 0_i64..100).prop_map(|(root_cause, by, hour)| DeviationCommand::Close {
            root_cause,
            by,
            now: at(hour)
        }),
        (0_i64..100).prop_map(|hour| DeviationCommand::Remind { now: at(hour) }),
    ]
}

proptest! {
    #[test]
    fn a_command_given_twice_in_a_row_changes_a_deviation_once(commands in vec(any_command(), 0..12)) {
        let mut deviation = Deviation::initial();
        for command in commands {
            let Ok(events) = deviation.decide(command.clone()) else { continue };
            deviation = events.iter().fold(deviation, Deviation::evolve);
            prop_assert_eq!(deviation.decide(command), Ok(vec![]));
        }
    }

    #[test]
    fn a_deviation_goes_on_from_a_snapshot_and_survives_its_events_in_any_order(
        cut in any::<prop::sample::Index>(),
        (events, order) in vec(any_command(), 0..12).prop_flat_map(|commands| {
            let mut deviation = Deviation::initial();
            let mut log = Vec::new();
            for command in commands {
                let events = deviation.decide(command).unwrap_or_default();
                deviation = events.iter().fold(deviation, Deviation::evolve);
                log.extend(events);
            }
            let order = Just((0..log.len()).collect::<Vec<_>>()).prop_shuffle();
            (Just(log), order)
        })
    ) {
        goes_on_from_a_snapshot::<Deviation>(&events, cut.index(events.len() + 1))?;
        let shuffled = order.iter().fold(Deviation::initial(), |state, index| state.evolve(&events[*index]));
        prop_assert_eq!(shuffled.existing().is_some(), !events.is_empty());
    }
}
