//! A limit of open connections, or of WebSockets, for each client address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use base::network_of;
use parking_lot::Mutex;

/// Counts what each address holds. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionLimit {
    per_address: usize,
    held: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl ConnectionLimit {
    pub(crate) fn new(per_address: usize) -> Self {
        Self { per_address, held: Arc::default() }
    }

    /// A permit for one more. `None`: the address is at its limit.
    pub(crate) fn acquire(&self, address: IpAddr) -> Option<AddressPermit> {
        let network = network_of(address);
        let mut all = self.held.lock();
        let held = all.get(&network).copied().unwrap_or_default();
        if held >= self.per_address {
            return None;
        }
        all.insert(network, held + 1);
        Some(AddressPermit { network, limit: self.clone() })
    }
}

/// Counts for its address until it is dropped.
#[derive(Debug)]
pub(crate) struct AddressPermit {
    network: IpAddr,
    limit: ConnectionLimit,
}

impl Drop for AddressPermit {
    fn drop(&mut self) {
        let mut all = self.limit.held.lock();
        if let Some(held) = all.get_mut(&self.network) {
            *held -= 1;
            if *held == 0 {
                all.remove(&self.network);
            }
        }
    }
}
