//! Invented names.

use rand::RngExt;
use rand::rngs::StdRng;

use super::contacts::Customer;

/// First names of agents and customers.
pub const FIRST: [&str; 48] = [
    "Ada", "Aiko", "Amara", "Anders", "Anjali", "Beatriz", "Bilal", "Camille", "Chidi", "Clara", "Dagny", "Dario",
    "Elif", "Emeka", "Esther", "Farid", "Fiona", "Gabriel", "Grace", "Hana", "Hugo", "Imani", "Ines", "Ivan", "Jamal",
    "Jonas", "Kaito", "Karim", "Leila", "Liam", "Lucia", "Malik", "Mei", "Nadia", "Noah", "Oksana", "Omar", "Priya",
    "Rafael", "Rosa", "Samir", "Sofia", "Tariq", "Tessa", "Uma", "Viktor", "Yara", "Zoe",
];

/// Last names of agents and customers.
pub const LAST: [&str; 40] = [
    "Abara", "Almeida", "Bakker", "Banerjee", "Chen", "Costa", "Demir", "Dubois", "Eriksen", "Farouk", "Fischer",
    "Garcia", "Haddad", "Hansen", "Ito", "Jansen", "Kapoor", "Keller", "Kowalski", "Lambert", "Lindholm", "Mbeki",
    "Moreau", "Nakamura", "Nguyen", "Okafor", "Oliveira", "Park", "Petrov", "Quist", "Rahman", "Rossi", "Santos",
    "Silva", "Tanaka", "Usman", "Varga", "Weber", "Yilmaz", "Zhang",
];

/// Names of queues.
pub const QUEUES: [&str; 12] = [
    "Orders",
    "Returns",
    "Billing",
    "Order chat",
    "Delivery",
    "Inbox",
    "Technical help",
    "Loyalty",
    "Complaints",
    "Product chat",
    "Gift cards",
    "Claims inbox",
];

/// Names of teams.
pub const TEAMS: [&str; 10] =
    ["Harbour", "Meadow", "Summit", "Lantern", "Orchard", "Compass", "Willow", "Beacon", "Juniper", "Cobalt"];

/// The name of the entity `id`, counted from 1. Repeated names get a number.
pub fn pick(names: &[&str], id: i64) -> String {
    let index = usize::try_from(id - 1).unwrap_or(0);
    match index / names.len() {
        0 => names[index].to_owned(),
        round => format!("{} {}", names[index % names.len()], round + 1),
    }
}

/// A random customer.
pub fn customer(rng: &mut StdRng) -> Customer {
    let first = FIRST[rng.random_range(0..FIRST.len())];
    let last = LAST[rng.random_range(0..LAST.len())];
    let number: u32 = rng.random_range(100..1000);
    Customer {
        first,
        last,
        email: format!("{first}.{last}{number}@customers.example").to_lowercase(),
        phone: format!("+1555010{:04}", rng.random_range(0..10_000)),
    }
}
