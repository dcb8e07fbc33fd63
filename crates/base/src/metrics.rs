//! Prometheus metrics (OpenMetrics text).
//!
//! They are in this crate so that every module can report. Metric names are stable. Label values are `&'static str`: no
//! name, number or text of an agent or a customer can become one.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use jiff::Timestamp;
use parking_lot::Mutex;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::{Clock, json};

/// The `Content-Type` of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Histogram buckets in seconds, for the time of a change from its arrival to a viewer's socket.
const PATCH_SECONDS: [f64; 13] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

type NoLabels = [(&'static str, &'static str); 0];
type OneLabel = [(&'static str, &'static str); 1];
type TwoLabels = [(&'static str, &'static str); 2];
type FloatGauge = Gauge<f64, AtomicU64>;

/// All metrics of the process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    clock: Clock,
    registry: Registry,
    last_event: Mutex<BTreeMap<&'static str, Timestamp>>,
    source_up: Family<OneLabel, Gauge>,
    source_age: Family<OneLabel, FloatGauge>,
    source_clock_offset: Family<OneLabel, FloatGauge>,
    source_events: Family<OneLabel, Counter>,
    source_resyncs: Family<TwoLabels, Counter>,
    source_counts: Family<TwoLabels, Counter>,
    agents_not_permitted: Gauge,
    viewers: Family<OneLabel, Gauge>,
    patch_seconds: Histogram,
    patch_bytes: Counter,
    viewer_coalesced: Counter,
    client_resync: Family<OneLabel, Counter>,
    webhooks: Family<TwoLabels, Counter>,
    webhook_unreadable: Family<OneLabel, Counter>,
    webhook_unknown_type: Family<OneLabel, Counter>,
    feedback_open: Family<OneLabel, Gauge>,
    survey_requests: Family<TwoLabels, Counter>,
    survey_error_ratio: FloatGauge,
    alerts_firing: Family<OneLabel, Gauge>,
    actions: Family<TwoLabels, Counter>,
    refusals: Family<OneLabel, Counter>,
    store_bytes: Gauge,
    /// Absent until there is a backup.
    backup_age: Family<NoLabels, FloatGauge>,
    unknown_tokens: Family<OneLabel, Counter>,
    open_connections: Gauge,
    connections: Family<OneLabel, Counter>,
}

impl Metrics {
    /// Metrics without counts. The clock is for the age of the last event of each source.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let mut registry = Registry::with_prefix("callboard");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program that runs", build);
        let mut metrics = Registration(&mut registry);
        Self(Arc::new(Inner {
            clock,
            last_event: Mutex::default(),
            source_up: metrics.register("source_up", "Whether a source is reachable: 1 yes, 0 no"),
            source_age: metrics.register("source_age_seconds", "Time since the last event or answer of a source"),
            source_clock_offset: metrics
                .register("source_clock_offset_seconds", "How far a source's clock is ahead of ours; negative: behind"),
            source_events: metrics.register("source_events", "Events received from a source"),
            source_resyncs: metrics.register("source_resyncs", "How often a source was read in full again"),
            source_counts: metrics.register("source_counts", "The counters of a source on the status page, by name"),
            agents_not_permitted: metrics
                .register("agents_not_permitted", "Agents that Clarity does not show to the service account (401)"),
            viewers: metrics.register("viewers", "Open live sockets"),
            patch_seconds: {
                let histogram = Histogram::new(PATCH_SECONDS);
                metrics.0.register(
                    "patch_seconds",
                    "Time of a change from its arrival to a viewer's socket",
                    histogram.clone(),
                );
                histogram
            },
            patch_bytes: metrics.register("patch_bytes", "Bytes of patches written to viewers"),
            viewer_coalesced: metrics
                .register("viewer_coalesced", "Versions that a slow viewer received as part of a later one"),
            client_resync: metrics.register("client_resync", "Viewers that needed a full snapshot again"),
            webhooks: metrics.register("webhooks", "Webhooks received"),
            webhook_unreadable: metrics.register("webhook_unreadable", "Signed webhooks that could not be read"),
            webhook_unknown_type: metrics.register("webhook_unknown_type", "Signed webhooks of an unknown type"),
            feedback_open: metrics.register("feedback_open", "Responses that need a reply"),
            survey_requests: metrics.register("survey_requests", "Survey requests"),
            survey_error_ratio: metrics.register("survey_error_ratio", "Share of recent survey requests that failed"),
            alerts_firing: metrics.register("alerts_firing", "Firing alerts"),
            actions: metrics.register("actions", "Actions of people on upstream systems"),
            refusals: metrics.register("refusals", "Refused requests, by what the audit records of them"),
            store_bytes: metrics.register("store_bytes", "Size of the store on disk"),
            backup_age: metrics
                .register("backup_age_seconds", "Time since the last backup of the store; absent without one"),
            unknown_tokens: metrics.register("unknown_tokens", "Unknown tokens in requests, by result"),
            open_connections: metrics.register("open_connections", "Open connections, live sockets included"),
            connections: metrics.register("connections", "Accepted and refused connections, by result"),
            registry: {
                let help = "JSON messages that had to be repaired before they could be read";
                metrics.0.register("json_repairs", help, json::REPAIRS.clone());
                registry
            },
        }))
    }

    /// All metrics as text of type [`CONTENT_TYPE`].
    #[must_use]
    pub fn render(&self) -> String {
        let now = self.0.clock.now();
        for (source, at) in self.0.last_event.lock().iter() {
            let age = now.duration_since(*at).as_secs_f64().max(0.0);
            self.0.source_age.get_or_create(&[("source", *source)]).set(age);
        }
        let mut text = String::new();
        if encode(&mut text, &self.0.registry).is_err() {
            // Writing to a `String` does not fail; if the library does, the scrape must not look complete.
            text.clear();
            let _ = text.write_str("# the metrics could not be written\n");
        }
        text
    }

    /// Whether a source is reachable.
    pub fn source_up(&self, source: &'static str, up: bool) {
        self.0.source_up.get_or_create(&[("source", source)]).set(i64::from(up));
    }

    /// How far a source's clock is ahead of ours, in seconds.
    pub fn source_clock_offset(&self, source: &'static str, seconds: f64) {
        self.0.source_clock_offset.get_or_create(&[("source", source)]).set(seconds);
    }

    /// A source sent this many events just now. Zero counts as a sign of life.
    pub fn source_events(&self, source: &'static str, events: u64) {
        self.0.last_event.lock().insert(source, self.0.clock.now());
        self.0.source_events.get_or_create(&[("source", source)]).inc_by(events);
    }

    /// A source is read in full again, because its pushes may have a gap.
    pub fn source_resync(&self, source: &'static str, reason: &'static str) {
        self.0.source_resyncs.get_or_create(&[("source", source), ("reason", reason)]).inc();
    }

    /// A counter of the status page grew by so many.
    pub fn source_count(&self, source: &'static str, what: &'static str, times: u64) {
        self.0.source_counts.get_or_create(&[("source", source), ("count", what)]).inc_by(times);
    }

    /// So many agents are not shown to Clarity's service account.
    pub fn agents_not_permitted(&self, agents: usize) {
        self.0.agents_not_permitted.set(to_gauge(agents as u64));
    }

    /// Counts a viewer of this page until the guard is dropped.
    #[must_use = "the viewer counts for as long as this is held"]
    pub fn viewer(&self, page: &'static str) -> GaugeGuard {
        GaugeGuard::new(self.0.viewers.get_or_create_owned(&[("page", page)]))
    }

    /// A patch of so many bytes was written to a viewer's socket, so many seconds after its change arrived.
    pub fn patch_written(&self, bytes: usize, seconds: f64) {
        self.0.patch_bytes.inc_by(bytes as u64);
        self.0.patch_seconds.observe(seconds);
    }

    /// A slow viewer receives so many versions as part of a later one.
    pub fn viewer_coalesced(&self, versions: u64) {
        self.0.viewer_coalesced.inc_by(versions);
    }

    /// A reconnected viewer needed a full snapshot instead of a patch.
    pub fn client_resync(&self, reason: &'static str) {
        self.0.client_resync.get_or_create(&[("reason", reason)]).inc();
    }

    /// A webhook was received, with this result.
    pub fn webhook(&self, source: &'static str, result: &'static str) {
        self.0.webhooks.get_or_create(&[("source", source), ("result", result)]).inc();
    }

    /// A request had an unknown token, with this result of its check.
    pub fn unknown_token(&self, result: &'static str) {
        self.0.unknown_tokens.get_or_create(&[("result", result)]).inc();
    }

    /// A signed webhook could not be read.
    pub fn webhook_unreadable(&self, source: &'static str) {
        self.0.webhook_unreadable.get_or_create(&[("source", source)]).inc();
    }

    /// A signed webhook has an unknown type. The type itself is the sender's text and must not be a label.
    pub fn webhook_unknown_type(&self, source: &'static str) {
        self.0.webhook_unknown_type.get_or_create(&[("source", source)]).inc();
    }

    /// So many responses of this age need a reply.
    pub fn feedback_open(&self, age: &'static str, responses: u64) {
        self.0.feedback_open.get_or_create(&[("age", age)]).set(to_gauge(responses));
    }

    /// A survey request ended with this result, for this cause.
    pub fn survey_request(&self, result: &'static str, cause: &'static str) {
        self.0.survey_requests.get_or_create(&[("result", result), ("cause", cause)]).inc();
    }

    /// The share of recent survey requests that failed, from 0 to 1.
    pub fn survey_error_ratio(&self, ratio: f64) {
        self.0.survey_error_ratio.set(ratio);
    }

    /// So many alerts of this severity are firing.
    pub fn alerts_firing(&self, severity: &'static str, alerts: usize) {
        self.0.alerts_firing.get_or_create(&[("severity", severity)]).set(to_gauge(alerts as u64));
    }

    /// A person's action on an upstream system ended with this result.
    pub fn action(&self, action: &'static str, result: &'static str) {
        self.0.actions.get_or_create(&[("action", action), ("result", result)]).inc();
    }

    /// So many sensitive requests were refused: `written` to the audit, `counted` in another entry, or `omitted` of
    /// it.
    pub fn refusals(&self, audit: &'static str, requests: u64) {
        self.0.refusals.get_or_create(&[("audit", audit)]).inc_by(requests);
    }

    /// The size of the store.
    pub fn store_bytes(&self, bytes: u64) {
        self.0.store_bytes.set(to_gauge(bytes));
    }

    /// The age of the last backup.
    pub fn backup_age(&self, seconds: f64) {
        self.0.backup_age.get_or_create(&[]).set(seconds);
    }

    /// Counts an open connection until the guard is dropped.
    #[must_use = "the connection counts for as long as this is held"]
    pub fn connection_open(&self) -> GaugeGuard {
        GaugeGuard::new(self.0.open_connections.clone())
    }

    /// A connection was accepted or refused, with this result.
    pub fn connection(&self, result: &'static str) {
        self.0.connections.get_or_create(&[("result", result)]).inc();
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

/// Counts one in a gauge until it is dropped.
#[derive(Debug)]
pub struct GaugeGuard(Gauge);

impl GaugeGuard {
    fn new(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

struct Registration<'a>(&'a mut Registry);

impl Registration<'_> {
    fn register<M>(&mut self, name: &str, help: &str) -> M
    where
        M: Clone + Default + prometheus_client::registry::Metric,
    {
        let metric = M::default();
        self.0.register(name, help, metric.clone());
        metric
    }
}

fn to_gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn metrics() -> (Clock, Metrics) {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        (clock.clone(), Metrics::new(clock))
    }

    #[test]
    fn every_metric_is_rendered_under_its_name() {
        let (_, metrics) = metrics();
        metrics.source_up("clarity", true);
        metrics.source_events("clarity", 3);
        metrics.source_clock_offset("clarity", -1200.0);
        metrics.source_resync("clarity", "reconnected");
        metrics.source_count("clarity", "repaired", 2);
        let _viewer = metrics.viewer("supervisor");
        metrics.patch_written(120, 0.004);
        metrics.viewer_coalesced(2);
        metrics.client_resync("epoch");
        metrics.webhook("goodays", "stored");
        metrics.webhook_unreadable("goodays");
        metrics.webhook_unknown_type("kustomer");
        metrics.feedback_open("day", 4);
        metrics.survey_request("rejected", "duplicate");
        metrics.survey_error_ratio(0.25);
        metrics.alerts_firing("critical", 1);
        metrics.action("status", "done");
        metrics.refusals("omitted", 2);
        metrics.store_bytes(4096);
        assert!(!metrics.render().contains("backup_age_seconds{"), "there is no backup yet");
        metrics.backup_age(3600.0);
        let _connection = metrics.connection_open();
        metrics.connection("served");
        let text = metrics.render();
        for line in [
            concat!("callboard_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
            "callboard_source_up{source=\"clarity\"} 1",
            "callboard_source_age_seconds{source=\"clarity\"} 0.0",
            "callboard_source_clock_offset_seconds{source=\"clarity\"} -1200.0",
            "callboard_source_events_total{source=\"clarity\"} 3",
            "callboard_source_resyncs_total{source=\"clarity\",reason=\"reconnected\"} 1",
            "callboard_source_counts_total{source=\"clarity\",count=\"repaired\"} 2",
            "callboard_viewers{page=\"supervisor\"} 1",
            "callboard_patch_seconds_bucket{le=\"0.0025\"} 0",
            "callboard_patch_seconds_bucket{le=\"0.005\"} 1",
            "callboard_patch_bytes_total 120",
            "callboard_viewer_coalesced_total 2",
            "callboard_client_resync_total{reason=\"epoch\"} 1",
            "callboard_webhooks_total{source=\"goodays\",result=\"stored\"} 1",
            "callboard_webhook_unreadable_total{source=\"goodays\"} 1",
            "callboard_webhook_unknown_type_total{source=\"kustomer\"} 1",
            "callboard_feedback_open{age=\"day\"} 4",
            "callboard_survey_requests_total{result=\"rejected\",cause=\"duplicate\"} 1",
            "callboard_survey_error_ratio 0.25",
            "callboard_alerts_firing{severity=\"critical\"} 1",
            "callboard_actions_total{action=\"status\",result=\"done\"} 1",
            "callboard_refusals_total{audit=\"omitted\"} 2",
            "callboard_store_bytes 4096",
            "callboard_backup_age_seconds{} 3600.0",
            "callboard_open_connections 1",
            "callboard_connections_total{result=\"served\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn source_age_grows_until_the_next_event() {
        let (clock, metrics) = metrics();
        assert!(!metrics.render().contains("source_age_seconds{"), "there was no event yet");
        metrics.source_events("goodays", 1);
        clock.advance(SignedDuration::from_millis(2500));
        assert!(metrics.render().contains("callboard_source_age_seconds{source=\"goodays\"} 2.5"));
        metrics.source_events("goodays", 0);
        assert!(metrics.render().contains("callboard_source_age_seconds{source=\"goodays\"} 0.0"));
    }

    #[test]
    fn viewer_is_counted_until_the_guard_is_dropped() {
        let (_, metrics) = metrics();
        let first = metrics.viewer("wallboard");
        let second = metrics.clone().viewer("wallboard");
        drop(first);
        assert!(metrics.render().contains("callboard_viewers{page=\"wallboard\"} 1"));
        drop(second);
        assert!(metrics.render().contains("callboard_viewers{page=\"wallboard\"} 0"));
    }
}
