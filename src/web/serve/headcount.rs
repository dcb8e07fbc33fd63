//! How many of something one address holds at once.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Counts by address. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionLimit {
    most: usize,
    held: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl ConnectionLimit {
    /// Each address may hold so many.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, held: Arc::default() }
    }

    /// One more for this address, until what is returned is dropped. `None`: it holds as many as it may.
    pub(crate) fn enter(&self, address: IpAddr) -> Option<Seat> {
        let network = network_of(address);
        let mut all = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let held = all.entry(network).or_default();
        if *held >= self.most {
            // One that may hold none at all is not remembered either.
            if *held == 0 {
                all.remove(&network);
            }
            return None;
        }
        *held += 1;
        Some(Seat { network, count: self.clone() })
    }
}

/// One of those that an address holds.
#[derive(Debug)]
pub(crate) struct Seat {
    network: IpAddr,
    count: ConnectionLimit,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut all = self.count.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = all.get_mut(&self.network) {
            *held -= 1;
            if *held == 0 {
                all.remove(&self.network);
            }
        }
    }
}

/// An address as far as its owner cannot choose it.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        other => other,
    }
}
