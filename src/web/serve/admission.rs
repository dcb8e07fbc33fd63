//! The limits of open connections.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Limits;
use super::connection_limit::{AddressPermit, ConnectionLimit};
use base::Metrics;
use base::metrics::GaugeGuard;

pub(super) struct Admission {
    pub(super) limits: Limits,
    pub(super) metrics: Metrics,
    connections: Arc<Semaphore>,
    by_address: ConnectionLimit,
}

impl Admission {
    pub(super) fn new(limits: Limits, metrics: Metrics) -> Arc<Self> {
        let connections = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
        let by_address = ConnectionLimit::new(limits.per_address);
        Arc::new(Self { limits, metrics, connections, by_address })
    }

    pub(super) fn admit(&self, address: IpAddr) -> Result<Permit, &'static str> {
        let connection = Arc::clone(&self.connections).try_acquire_owned().map_err(|_| "over_limit")?;
        let is_exempt = self.limits.loopback_is_exempt && address.to_canonical().is_loopback();
        let by_address =
            if is_exempt { None } else { Some(self.by_address.acquire(address).ok_or("over_address_limit")?) };
        Ok(Permit { _by_address: by_address, _connection: connection, _gauge: self.metrics.connection_open() })
    }
}

/// Permits one open connection until it is dropped.
pub(super) struct Permit {
    _by_address: Option<AddressPermit>,
    _connection: OwnedSemaphorePermit,
    _gauge: GaugeGuard,
}
