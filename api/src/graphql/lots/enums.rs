//! The plant's enums as GraphQL shows them.

use async_graphql::Enum;
use domain::lots;

macro_rules! mirrored {
    ($( $(#[$meta:meta])* $name:ident = $remote:literal { $( $(#[$value_meta:meta])* $value:ident ),* $(,)? } )*) => { $(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
        #[graphql(remote = $remote)]
        pub enum $name { $( $(#[$value_meta])* $value, )* }
    )* };
}

mirrored! {
    /// What a lot is made of and how far it has come.
    LotType = "lots::LotType" {
        /// Raw material, from a supplier.
        Raw,
        /// Deboned meat.
        Deb,
        /// Meat in the bulk buffer.
        Bulk,
        /// A mix of meat and spices.
        Mix,
        /// One rod of 15 kg.
        #[graphql(name = "SKW15")]
        Skw15,
        /// One rod of 30 kg.
        #[graphql(name = "SKW30")]
        Skw30,
        /// A frozen 15 kg rod.
        #[graphql(name = "FRZ15")]
        Frz15,
        /// A frozen 30 kg rod.
        #[graphql(name = "FRZ30")]
        Frz30,
        /// Finished goods of 15 kg.
        #[graphql(name = "FG15")]
        Fg15,
        /// Finished goods of 30 kg.
        #[graphql(name = "FG30")]
        Fg30,
        /// A pallet.
        Pal,
        /// A shipment.
        Ship,
        /// A rod of an imported older lot. No new lot may be one.
        Skw,
        /// A frozen rod of an imported older lot. No new lot may be one.
        Frz,
        /// Finished goods of an imported older lot. No new lot may be one.
        Fg,
    }

    /// The weight class of a rod and of what is made of it.
    Sku = "lots::Sku" {
        /// 15 kg.
        #[graphql(name = "KG15")]
        Kg15,
        /// 30 kg.
        #[graphql(name = "KG30")]
        Kg30,
    }

    /// Where a lot stands.
    LotStatus = "lots::LotStatus" {
        /// It exists.
        Created,
        /// It waits for its gate.
        Quarantine,
        /// It may be used.
        Released,
        /// It may not be used until its deviation is resolved.
        Hold,
        /// Disposed of or returned. Final.
        Rejected,
        /// Nothing of it is left.
        Consumed,
        /// It and all that was made of it are closed. Final.
        Finished,
    }

    /// What quality staff decide at a gate.
    QcDecision = "lots::Decision" {
        /// In order.
        Pass,
        /// To be clarified.
        Hold,
        /// Not in order.
        Fail,
    }

    /// Where a thermometer was held.
    ReadingType = "lots::ReadingType" {
        /// On the surface of the goods.
        Surface,
        /// In the core of the goods.
        Core,
        /// In the air around them.
        Ambient,
    }

    /// What becomes of held goods.
    Disposition = "lots::Disposition" {
        /// They may be used.
        Release,
        /// They are destroyed.
        Dispose,
        /// They go back.
        ReturnToSupplier,
    }

    /// Where a deviation stands.
    DeviationStatus = "lots::DeviationStatus" {
        /// Nobody has decided yet.
        Open,
        /// It is decided what becomes of the goods.
        Dispositioned,
        /// Its root cause is known and somebody has signed it off.
        Closed,
    }

    /// What put a lot on hold.
    HoldCause = "lots::HoldCause" {
        /// A decision at a gate.
        QcDecision,
        /// Somebody held it.
        ManualHold,
        /// A reading outside its limit.
        TempViolationHold,
    }

    /// What a partner is to the plant.
    PartnerRole = "lots::PartnerRole" {
        /// Delivers raw material.
        Supplier,
        /// Receives shipments.
        Customer,
        /// Carries them.
        Carrier,
    }
}
