use proptest::{collection::vec, prelude::*};

use super::{
    tests::{at, opened},
    *,
};
use crate::kernel::testing::{changes_once, is_sound, log_of, replayed};

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
        is_sound::<Deviation>(&changes_once::<Deviation>(commands)?)?;
    }

    #[test]
    fn a_deviation_survives_its_events_in_any_order(
        (events, order) in vec(any_command(), 0..12).prop_map(log_of::<Deviation>).prop_flat_map(|events| {
            let order = Just((0..events.len()).collect::<Vec<_>>()).prop_shuffle();
            (Just(events), order)
        })
    ) {
        let shuffled: Deviation = replayed(order.iter().map(|index| &events[*index]));
        prop_assert_eq!(shuffled.existing().is_some(), !events.is_empty());
    }
}
