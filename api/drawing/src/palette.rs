//! How a status looks. The colours differ in lightness too, so that a print in grey or an eye that sees no red still
//! tells them apart, and each status has a mark besides.

use domain::lots::LotStatus;

/// Every status, from the lightest to the darkest.
pub(super) const STATUSES: [LotStatus; 7] = [
    LotStatus::Created,
    LotStatus::Quarantine,
    LotStatus::Released,
    LotStatus::Consumed,
    LotStatus::Finished,
    LotStatus::Hold,
    LotStatus::Rejected,
];

/// The look of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    /// The tile's colour.
    pub fill: (u8, u8, u8),
    /// The colour of text and mark on it.
    pub ink: &'static str,
    /// The mark, as a path in a square of 10 by 10.
    pub mark: &'static str,
    /// Whether the tile's border is broken: the lot may not be used.
    pub barred: bool,
}

impl Look {
    /// `#rrggbb`.
    pub fn hex(self) -> String {
        let (red, green, blue) = self.fill;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }
}

pub(super) fn look(status: LotStatus) -> Look {
    const DARK: &str = "#16181d";
    const LIGHT: &str = "#ffffff";
    let (fill, ink, mark, barred) = match status {
        // An empty ring.
        LotStatus::Created => ((0xfb, 0xfb, 0xf8), DARK, "M5 1a4 4 0 1 0 .01 0zM5 3a2 2 0 1 1-.01 0z", false),
        // An hourglass.
        LotStatus::Quarantine => ((0xf8, 0xe1, 0x8c), DARK, "M1 0h8v2L6 5l3 3v2H1V8l3-3-3-3z", false),
        // A tick.
        LotStatus::Released => ((0x8f, 0xcf, 0x9a), DARK, "M0 5l2-2 2 2 4-5 2 2-6 7z", false),
        // An arrow onward.
        LotStatus::Consumed => ((0x83, 0xa3, 0xc9), DARK, "M0 4h5V1l5 4-5 4V6H0z", false),
        // A full square.
        LotStatus::Finished => ((0x4b, 0x6f, 0xa3), LIGHT, "M1 1h8v8H1z", false),
        // Two bars.
        LotStatus::Hold => ((0x94, 0x2f, 0x0c), LIGHT, "M1 0h3v10H1zM6 0h3v10H6z", true),
        // A cross.
        LotStatus::Rejected => {
            ((0x3a, 0x0c, 0x1e), LIGHT, "M0 2l2-2 3 3 3-3 2 2-3 3 3 3-2 2-3-3-3 3-2-2 3-3z", true)
        }
    };
    Look { fill, ink, mark, barred }
}
