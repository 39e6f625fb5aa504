//! Who works at the demo plant, and whom it deals with. All of them are invented.

use domain::{
    identity::{PermissionSet, Role},
    lots::PartnerRole,
};

/// Somebody who works at the plant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Person {
    pub actor: &'static str,
    role: Role,
}

impl Person {
    pub fn permissions(self) -> PermissionSet {
        PermissionSet::of_roles(&[self.role])
    }
}

/// Receives and debones.
pub(super) const ANNA: Person = Person { actor: "kovacs.anna", role: Role::Operator };
/// Mixes and skewers.
pub(super) const TIBOR: Person = Person { actor: "szabo.tibor", role: Role::Operator };
/// Freezes, packs and ships.
pub(super) const JUDIT: Person = Person { actor: "farkas.judit", role: Role::Operator };
/// Quality: inspects and measures.
pub(super) const PETER: Person = Person { actor: "nagy.peter", role: Role::Auditor };
/// Production manager: decides what becomes of held goods.
pub(super) const ESZTER: Person = Person { actor: "toth.eszter", role: Role::Manager };
/// Site manager: signs deviations off.
pub(super) const LASZLO: Person = Person { actor: "varga.laszlo", role: Role::Manager };

/// A supplier, customer or carrier.
#[derive(Debug, Clone, Copy)]
pub(super) struct PartnerCard {
    /// Names it in this script.
    pub key: &'static str,
    pub name: &'static str,
    pub address: &'static str,
    pub role: PartnerRole,
}

const fn supplier(key: &'static str, name: &'static str, address: &'static str) -> PartnerCard {
    PartnerCard { key, name, address, role: PartnerRole::Supplier }
}

const fn customer(key: &'static str, name: &'static str, address: &'static str) -> PartnerCard {
    PartnerCard { key, name, address, role: PartnerRole::Customer }
}

const fn carrier(key: &'static str, name: &'static str, address: &'static str) -> PartnerCard {
    PartnerCard { key, name, address, role: PartnerRole::Carrier }
}

/// Everybody that the plant deals with.
pub(super) const PARTNERS: [PartnerCard; 11] = [
    supplier("kisduna", "Kisduna Baromfi Zrt.", "9027 Győr, Ipari park 14., Magyarország"),
    supplier("matraalja", "Mátraalja Csirke Kft.", "3300 Eger, Külső-Kertész utca 6., Magyarország"),
    supplier("bluehill", "Blue Hill Poultry Ltd.", "Dock Road 21, Tilbury RM18 7BL, United Kingdom"),
    customer(
        "pannondoner",
        "Pannon Döner Nagykereskedés Kft.",
        "1097 Budapest, Gubacsi út 32., Magyarország",
    ),
    customer("alfold", "Alföldi Gyrosház Bt.", "6000 Kecskemét, Mindszenti körút 8., Magyarország"),
    customer("harbour", "Harbour Street Food Ltd.", "7 Quay Lane, Bristol BS1 4TR, United Kingdom"),
    customer("oresund", "Öresund Kebabgrossist AB", "Kajgatan 11, 211 20 Malmö, Sverige"),
    customer("donaukanal", "Donaukanal Imbissbedarf GmbH", "Uferstraße 5, 1020 Wien, Österreich"),
    carrier("hidegut", "Hidegút Hűtőfuvar Kft.", "2310 Szigetszentmiklós, Raktár utca 3., Magyarország"),
    carrier("northlane", "North Lane Reefer Ltd.", "Unit 4, Coldharbour Way, Dover CT16 3EH, United Kingdom"),
    carrier("jegmadar", "Jégmadár Logisztika Kft.", "9200 Mosonmagyaróvár, Vámház tér 1., Magyarország"),
];
