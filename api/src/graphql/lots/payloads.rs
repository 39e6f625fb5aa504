//! What the plant's mutations answer.

use async_graphql::{ComplexObject, Context, Enum, Result, SimpleObject};
use commands::{engine::Command, lots};
use domain::lots::lot;
use uuid::Uuid;

use super::{
    deviation::Deviation,
    enums::LotStatus,
    lot::Lot,
    partner::Partner,
    records::{Inspection, Reading},
};
use crate::graphql::kernel::{CommitInfo, MutationError, Outcome};

/// Which range a weight lies outside of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "lot::RangeCode")]
pub enum WeightAdviceCode {
    /// A rod is more than 500 g off its nominal 15 or 30 kg.
    RodNotNominal,
    /// The weight lies outside the plant's advisory range for the type.
    WeightUnusual,
}

/// A warning: the weight is unusual. Nothing was refused for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, SimpleObject)]
pub struct WeightAdvice {
    /// Which range.
    pub code: WeightAdviceCode,
    /// The least usual weight in grams.
    pub min_g: i64,
    /// The greatest usual weight in grams.
    pub max_g: i64,
}

macro_rules! payloads {
    ($(
        $(#[$meta:meta])*
        $name:ident of $command:ty {
            $( $(#[$entity_meta:meta])* $entity:ident: $object:ident by $id:expr; )*
            { $( $(#[$field_meta:meta])* $field:ident: $type:ty = $value:expr; )* }
        }
    )*) => { $(
        $(#[$meta])*
        #[derive(Debug, SimpleObject)]
        #[graphql(complex)]
        pub struct $name {
            $( $(#[$field_meta])* pub $field: Option<$type>, )*
            /// Where it stands in the log; none when nothing was done.
            pub commit: Option<CommitInfo>,
            /// Why it did not succeed; empty when it did.
            pub errors: Vec<MutationError>,
            #[graphql(skip)]
            reply: Option<<$command as Command>::Reply>,
        }

        #[ComplexObject]
        impl $name {
            $(
                $(#[$entity_meta])*
                async fn $entity(&self, context: &Context<'_>) -> Result<Option<$object>> {
                    let id: fn(&<$command as Command>::Reply) -> Option<Uuid> = $id;
                    match (self.reply.as_ref().and_then(id), self.commit) {
                        (Some(id), Some(commit)) => $object::after(context, id, commit).await,
                        (Some(_) | None, Some(_) | None) => Ok(None),
                    }
                }
            )*
        }

        impl From<Outcome<<$command as Command>::Reply>> for $name {
            fn from(outcome: Outcome<<$command as Command>::Reply>) -> Self {
                let Outcome { reply, commit, errors } = outcome;
                $( let $field: fn(&<$command as Command>::Reply) -> Option<$type> = $value; )*
                Self { $( $field: reply.as_ref().and_then($field), )* commit, errors, reply }
            }
        }
    )* };
}

payloads! {
    /// A lot after a command.
    LotPayload of lots::CreateLot {
        /// The lot, as it is after the command.
        lot: Lot by |reply| Some(reply.lot_id);
        {
            /// What is unusual about its weight.
            advice: WeightAdvice = |reply| reply.advice.as_ref().map(WeightAdvice::from);
        }
    }

    /// A held lot.
    HoldPayload of lots::HoldLot {
        /// The lot, as it is after the command.
        lot: Lot by |reply| Some(reply.lot_id);
        /// The deviation that must be resolved.
        deviation: Deviation by |reply| reply.deviation_id;
        {}
    }

    /// A lot after a decision at a gate.
    InspectionPayload of lots::RecordInspection {
        /// The decision.
        inspection: Inspection by |reply| Some(reply.inspection_id);
        /// The lot, as it is after the decision.
        lot: Lot by |reply| Some(reply.lot_id);
        /// The deviation that was opened.
        deviation: Deviation by |reply| reply.deviation_id;
        {}
    }

    /// A reading and what it came to.
    TemperaturePayload of lots::RecordTemperature {
        /// The reading.
        reading: Reading by |reply| Some(reply.reading_id);
        /// The deviation that was opened.
        deviation: Deviation by |reply| reply.deviation_id;
        {
            /// Whether the reading lies outside its limit.
            is_violation: bool = |reply| Some(reply.is_violation);
            /// Where the lot stands.
            lot_status: LotStatus = |reply| Some(reply.status.into());
        }
    }

    /// A deviation after a command.
    DeviationPayload of lots::DispositionDeviation {
        /// The deviation, as it is after the command.
        deviation: Deviation by |reply| Some(reply.deviation_id);
        {}
    }

    /// A partner after a command.
    PartnerPayload of lots::SavePartner {
        /// The partner, as it is after the command.
        partner: Partner by |reply| Some(reply.partner_id);
        {}
    }
}

impl From<&lot::WeightAdvice> for WeightAdvice {
    fn from(advice: &lot::WeightAdvice) -> Self {
        Self { code: advice.code.into(), min_g: advice.min_grams.0, max_g: advice.max_grams.0 }
    }
}
