//! The promises, by what they are about.

pub mod edges;
pub mod folding;
pub mod marks;
pub mod one_pass;
pub mod parking;
pub mod queries;
pub mod rebuilding;
pub mod replaced_logs;
pub mod store;

/// Makes a test of every promise for one read store.
macro_rules! promises {
    ($harness:ty) => {
        crate::contract::promises! {
            $harness:
            edges::{
                each_value_has_a_page_of_its_own,
                a_page_of_a_hundred_thousand_rows_is_read_alone,
            }
            folding::{
                every_event_is_folded_once,
                runners_killed_at_any_moment_double_and_lose_nothing,
                of_two_processes_one_folds_and_the_other_takes_over,
                a_query_waits_for_a_position_and_gives_up_in_the_end,
                a_newer_read_store_is_refused,
            }
            marks::{
                what_changes_a_tenants_rows_gives_them_another_mark,
                a_database_that_was_put_back_and_went_another_way_has_none_of_its_old_marks,
                another_build_that_takes_over_gives_every_tenant_another_mark,
                a_step_of_many_tenants_marks_each_of_them,
                rows_that_a_program_changed_which_knows_no_marks_have_another_mark,
            }
            one_pass::{
                missing_read_models_are_built_in_one_pass,
                a_read_model_that_cannot_be_built_now_holds_up_no_other,
                a_pass_killed_at_any_moment_goes_on_or_begins_anew,
                the_genealogy_rides_with_the_pass,
                a_genealogy_takes_no_breath_before_it_has_caught_up,
            }
            parking::{
                a_poison_event_parks_its_stream_and_no_other,
                a_retried_stream_folds_in_order_once_its_fold_is_mended,
                a_skipped_event_is_left_out_and_the_record_says_why,
                a_skipped_event_stays_out_of_every_later_build,
                many_events_of_one_batch_that_fail_half_way_are_parked_at_once,
                parked_events_stay_parked_when_another_process_takes_over,
            }
            queries::{
                filters_keep_what_they_say,
                an_unknown_column_and_a_foreign_cursor_are_refused,
                what_no_row_can_hold_is_refused_and_no_outage,
                every_value_comes_back_as_it_went_in,
                an_image_comes_back_whole,
            }
            rebuilding::{
                a_rebuild_equals_the_live_rows_while_events_keep_coming,
                readers_see_no_gap_while_a_rebuild_takes_over,
                a_rebuild_reports_rows_that_somebody_changed,
                a_rebuild_that_breaks_off_is_resumed,
                an_interrupted_rebuild_keeps_no_lease,
                a_read_side_that_is_stopped_while_it_builds_keeps_no_lease,
                a_new_version_is_built_beside_the_old_one,
                an_older_program_neither_starves_nor_replaces_a_newer_read_model,
                a_read_model_as_of_a_position_leaves_the_live_one_alone,
                poison_events_are_parked_in_the_new_build_too,
            }
            replaced_logs::{
                rows_follow_a_log_that_was_restored_from_an_older_backup,
                rows_follow_another_log_of_the_same_length,
                rows_follow_a_restored_log_that_has_outgrown_them,
                rows_follow_an_empty_log,
                a_running_process_notices_that_its_log_was_replaced,
                a_genealogy_never_mixes_two_logs,
                a_rebuild_that_another_log_broke_off_is_not_resumed,
                a_rebuild_from_outside_is_of_the_log_that_is_there,
                an_older_read_store_is_brought_forward_and_its_rows_are_built_anew,
            }
            store::{
                a_build_is_discarded_only_where_it_was_seen,
                a_lease_has_one_holder_and_each_change_of_hands_raises_its_epoch,
                a_step_is_stored_whole,
                a_fenced_writer_stores_nothing,
                a_step_from_the_wrong_checkpoint_stores_nothing,
                rows_are_written_in_place_and_deleted_by_key,
                pages_follow_each_other_without_a_gap,
                a_count_stops_at_its_cap,
                a_build_takes_over_at_its_position,
                a_build_that_was_discarded_does_not_take_over,
                two_builds_are_compared_row_by_row,
                what_is_parked_stays_until_it_is_taken_out,
                the_record_is_read_newest_first,
                a_dropped_build_leaves_nothing,
                everything_is_there_after_reopening,
            }
        }
    };
    ($harness:ty: $( $module:ident::{ $($name:ident),+ $(,)? } )+) => {
        $($(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                crate::contract::$module::$name::<$harness>().await;
            }
        )+)+
    };
}
pub(crate) use promises;
