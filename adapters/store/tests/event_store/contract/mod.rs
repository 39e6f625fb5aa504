//! The suite: one function a promise, over any [`crate::harness::Harness`].

pub mod answers;
pub mod batches;
pub mod commits;
pub mod reads;
pub mod side_tables;
pub mod subject_keys;
pub mod waking;

/// Instantiates every promise as a test of the harness.
macro_rules! promises {
    ($harness:ty) => {
        $crate::contract::promises!(@tests $harness;
            commits::a_first_commit_starts_the_log_at_position_one,
            commits::a_commit_writes_all_its_streams,
            commits::a_conflict_in_one_stream_refuses_the_whole_commit,
            commits::a_version_that_is_too_high_is_a_conflict_too,
            commits::a_condition_is_checked_and_leaves_nothing,
            commits::a_broken_condition_refuses_the_events_beside_it,
            commits::a_commit_of_conditions_only_answers_with_the_head,
            commits::the_largest_commit_is_stored_and_one_more_is_refused,
            commits::streams_must_be_sorted_and_named_once,
            commits::a_stored_event_reads_as_it_was_written,
            commits::recorded_at_never_runs_backwards,
            commits::other_tenants_streams_lie_apart,
            commits::a_claim_of_the_platform_tenant_joins_a_commit,
            answers::a_repeated_command_gets_the_first_answer,
            answers::a_repetition_is_answered_after_reopening,
            answers::a_repetition_is_answered_by_another_store,
            answers::a_command_id_with_other_content_is_refused,
            answers::a_command_id_belongs_to_its_tenant,
            answers::a_refused_command_may_come_again,
            answers::an_answer_without_events_is_kept_when_asked,
            answers::an_answer_without_events_is_not_kept_otherwise,
            answers::the_first_answer_names_every_stream_in_order,
            answers::an_answer_is_kept_for_its_time_and_then_its_key_is_free,
            answers::an_answer_without_an_end_is_kept_for_ever,
            answers::what_is_over_is_forgotten_in_small_steps_and_nothing_else,
            batches::an_empty_batch_has_no_outcomes,
            batches::a_refused_commit_harms_no_other_of_its_batch,
            batches::a_commit_may_build_on_an_earlier_one_of_its_batch,
            batches::what_builds_on_a_refused_commit_is_refused,
            batches::what_was_decided_on_an_event_that_never_came_is_refused,
            batches::a_repetition_within_a_batch_gets_the_first_answer,
            batches::a_reused_id_within_a_batch_is_refused,
            batches::a_repetition_does_not_disturb_what_follows_it,
            batches::positions_follow_the_order_of_the_batch,
            batches::stores_that_write_by_turns_know_where_the_other_left_a_stream,
            batches::two_stores_never_both_win_a_version,
            batches::readers_see_positions_without_gaps_while_stores_write,
            reads::a_stream_is_read_from_a_version,
            reads::the_pasts_of_many_streams_are_the_streams_without_their_envelopes,
            reads::a_snapshot_stands_for_the_events_before_it,
            reads::the_log_is_read_from_a_position,
            reads::a_page_of_large_events_ends_at_so_many_bytes,
            reads::a_filter_keeps_categories_and_types,
            reads::a_filtered_page_says_how_far_it_looked,
            reads::a_hole_stops_an_unfiltered_reader,
            reads::the_position_at_an_instant_is_the_last_recorded_by_then,
            reads::an_empty_log_has_nothing,
            side_tables::a_snapshot_is_replaced_by_a_newer_one_only,
            side_tables::a_snapshot_of_another_shape_is_not_seen,
            side_tables::snapshots_of_many_streams_are_saved_at_once,
            side_tables::deadlines_come_due_in_order,
            side_tables::a_closed_deadline_is_gone,
            side_tables::a_postponed_deadline_lets_the_others_go_first,
            side_tables::deadlines_are_settled_by_the_holder_of_the_lease_alone,
            side_tables::a_lease_has_one_holder_until_it_expires_or_is_given_back,
            side_tables::a_refused_commit_leaves_no_deadline,
            side_tables::a_deadline_asked_for_twice_is_stored_once,
            side_tables::a_checkpoint_moves_only_from_where_it_stands,
            side_tables::a_former_holders_checkpoint_is_refused,
            side_tables::what_is_parked_is_told_until_something_else_became_of_it,
            subject_keys::the_first_key_of_a_subject_stays,
            subject_keys::a_destroyed_key_never_comes_back,
            subject_keys::what_is_open_is_never_stored,
            subject_keys::snapshots_about_somebody_erased_are_dropped_and_no_others,
            subject_keys::what_is_personal_lies_sealed_and_goes_with_its_key,
            waking::an_append_wakes_a_reader_of_the_same_store,
            waking::an_append_wakes_a_reader_of_another_store,
        );
    };
    (@tests $harness:ty; $($module:ident :: $promise:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                let harness = <$harness as $crate::harness::Harness>::create().await;
                $crate::contract::$module::$promise(&harness).await;
            }
        )*
    };
}
pub(crate) use promises;
