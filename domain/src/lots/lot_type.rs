use crate::{enumeration, kernel::InvalidInput};

enumeration! {
    /// What a lot is made of and how far it has come.
    pub enum LotType {
        /// Raw material, from a supplier.
        Raw = "RAW",
        /// Deboned meat.
        Deb = "DEB",
        /// Meat in the bulk buffer.
        Bulk = "BULK",
        /// A mix of meat and spices.
        Mix = "MIX",
        /// One rod of 15 kg.
        Skw15 = "SKW15",
        /// One rod of 30 kg.
        Skw30 = "SKW30",
        /// A frozen 15 kg rod.
        Frz15 = "FRZ15",
        /// A frozen 30 kg rod.
        Frz30 = "FRZ30",
        /// Finished goods of 15 kg.
        Fg15 = "FG15",
        /// Finished goods of 30 kg.
        Fg30 = "FG30",
        /// A pallet.
        Pal = "PAL",
        /// A shipment.
        Ship = "SHIP",
        /// A rod of an imported older lot. No new lot may be one.
        Skw = "SKW",
        /// A frozen rod of an imported older lot. No new lot may be one.
        Frz = "FRZ",
        /// Finished goods of an imported older lot. No new lot may be one.
        Fg = "FG",
    }
}

enumeration! {
    /// The weight class of a rod and of what is made of it.
    pub enum Sku {
        /// 15 kg.
        Kg15 = "15" as "KG15",
        /// 30 kg.
        Kg30 = "30" as "KG30",
    }
}

impl Sku {
    /// The nominal weight of one rod.
    pub const fn nominal_grams(self) -> i64 {
        match self {
            Self::Kg15 => 15_000,
            Self::Kg30 => 30_000,
        }
    }
}

impl LotType {
    /// Every type that a new lot may have, in the order of the ladder.
    pub const CURRENT: [Self; 12] = [
        Self::Raw,
        Self::Deb,
        Self::Bulk,
        Self::Mix,
        Self::Skw15,
        Self::Skw30,
        Self::Frz15,
        Self::Frz30,
        Self::Fg15,
        Self::Fg30,
        Self::Pal,
        Self::Ship,
    ];

    /// What codes of this type begin with.
    pub const fn code_prefix(self) -> &'static str {
        match self {
            Self::Mix => "MIXLOT",
            Self::Raw
            | Self::Deb
            | Self::Bulk
            | Self::Skw15
            | Self::Skw30
            | Self::Frz15
            | Self::Frz30
            | Self::Fg15
            | Self::Fg30
            | Self::Pal
            | Self::Ship
            | Self::Skw
            | Self::Frz
            | Self::Fg => self.as_str(),
        }
    }

    /// The place on the ladder RAW → DEB → BULK → MIX → SKW → FRZ → FG → PAL → SHIP, from 0.
    pub const fn rung(self) -> u8 {
        match self {
            Self::Raw => 0,
            Self::Deb => 1,
            Self::Bulk => 2,
            Self::Mix => 3,
            Self::Skw15 | Self::Skw30 | Self::Skw => 4,
            Self::Frz15 | Self::Frz30 | Self::Frz => 5,
            Self::Fg15 | Self::Fg30 | Self::Fg => 6,
            Self::Pal => 7,
            Self::Ship => 8,
        }
    }

    /// The index of the step that makes lots of this type.
    pub const fn step_index(self) -> u8 {
        match self {
            Self::Raw => 1,
            Self::Deb => 2,
            Self::Bulk => 3,
            Self::Mix => 4,
            Self::Skw15 | Self::Skw30 | Self::Skw => 5,
            Self::Frz15 | Self::Frz30 | Self::Frz => 7,
            Self::Fg15 | Self::Fg30 | Self::Fg => 8,
            Self::Pal => 9,
            Self::Ship => 10,
        }
    }

    /// The SKU that the type itself names. A pallet's comes from what lies on it.
    pub const fn sku(self) -> Option<Sku> {
        match self {
            Self::Skw15 | Self::Frz15 | Self::Fg15 => Some(Sku::Kg15),
            Self::Skw30 | Self::Frz30 | Self::Fg30 => Some(Sku::Kg30),
            Self::Raw
            | Self::Deb
            | Self::Bulk
            | Self::Mix
            | Self::Pal
            | Self::Ship
            | Self::Skw
            | Self::Frz
            | Self::Fg => None,
        }
    }

    /// Whether lots of this type come from imports only.
    pub const fn is_legacy(self) -> bool {
        matches!(self, Self::Skw | Self::Frz | Self::Fg)
    }

    /// Whether one lot of this type is one rod.
    pub const fn is_rod(self) -> bool {
        matches!(self, Self::Skw15 | Self::Skw30 | Self::Skw)
    }
}

impl std::str::FromStr for LotType {
    type Err = InvalidInput;

    /// Reads the types that a new lot may have.
    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        Self::CURRENT
            .into_iter()
            .find(|lot_type| lot_type.as_str() == text)
            .ok_or_else(|| InvalidInput::new("lotType", "must be a lot type from RAW to SHIP"))
    }
}
