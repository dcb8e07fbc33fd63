//! A new connection: negotiate, open a transport, send `start`.

use std::sync::Arc;

use secrecy::SecretString;
use tokio::time::{Instant, timeout};
use url::Url;

use super::Driver;
use super::session::Session;
use crate::frame::Frame;
use crate::liveness::Liveness;
use crate::negotiate::{negotiate, send_command};
use crate::position::Position;
use crate::transport::{ConnectRequest, Incoming, OpenTransport, TransportFactory};
use crate::{Error, Event, RepairJson, Transport, endpoint};

impl Driver {
    /// Negotiates and opens the first transport that works. Returns the frames that came before the answer to `start`,
    /// which count.
    pub(super) async fn connect(&mut self) -> Result<(OpenTransport, Vec<Frame>), Error> {
        let token = self.bearer_token().await?;
        let negotiated = negotiate(&self.client, &self.settings, token.clone()).await;
        let negotiated = self.report_rejection(negotiated, token.as_ref())?;
        let mut transports = self.settings.transports.clone();
        transports.retain(|transport| negotiated.has_web_sockets || *transport != Transport::WebSockets);
        let liveness = Liveness::new(negotiated.keep_alive, negotiated.disconnect, Instant::now());
        let limit = negotiated.transport_connect;
        let (id, has_start) = (negotiated.connection_id.clone(), negotiated.has_start);
        let token = negotiated.redirect_token.clone().or(token);
        let mut session =
            Session { negotiated, transport: Transport::LongPolling, position: Position::default(), liveness };
        let mut failure = Error::NoTransport;
        // All transports are tried with the same connection token, as Microsoft's client does.
        for transport in transports {
            (session.transport, session.position) = (transport, Position::default());
            let bearer = self.bearer_source(&session.negotiated);
            let request = session.request(&self.settings, "connect", token.clone(), bearer);
            let opening = open(&self.transports, request, &session, self.settings.repair_json);
            match timeout(limit, opening).await.unwrap_or(Err(Error::TransportTimeout { transport })) {
                Ok((open, frames)) => {
                    session.liveness.heard(Instant::now());
                    if transport == Transport::LongPolling {
                        let held = session.negotiated.poll_timeout + session.negotiated.transport_connect;
                        session.liveness.allow_silence(held);
                    }
                    let url = session.url(&self.settings, "start");
                    // From here on there is a connection to abort.
                    self.session = Some(session);
                    if has_start {
                        self.start(url, token.as_ref()).await?;
                    }
                    self.emit(Event::Connected { connection_id: id, transport }).await;
                    return Ok((open, frames));
                }
                Err(reason) => {
                    tracing::debug!(%transport, %reason, "SignalR transport failed; trying the next one");
                    failure = reason;
                }
            }
        }
        self.report_rejection(Err(failure), token.as_ref())
    }

    /// A failure here is not followed by another transport: the server may have raised its "connected" event already.
    async fn start(&self, url: Url, token: Option<&Arc<SecretString>>) -> Result<(), Error> {
        let host = endpoint::host(&url);
        let answer = self.report_rejection(send_command(&self.client, url, "start", token).await, token)?;
        if answer.windows(7).any(|window| window == b"started") {
            return Ok(());
        }
        Err(Error::NotSignalR { command: "start", host })
    }
}

/// Opens a transport and reads it up to the init message. Returns all frames up to there, in order.
async fn open(
    transports: &TransportFactory,
    request: ConnectRequest,
    session: &Session,
    repair_json: Option<RepairJson>,
) -> Result<(OpenTransport, Vec<Frame>), Error> {
    let mut transport = transports.open(session.transport, request).await?;
    let mut frames = Vec::new();
    loop {
        let Incoming::Frame(bytes) = transport.next().await? else { continue };
        let frame = Frame::parse_with(&bytes, repair_json)?;
        transport.acknowledge(&frame);
        if frame.is_error {
            return Err(Error::ServerError);
        }
        // Before protocol 1.4 there is no init message: the first frame with messages takes its place.
        let is_ready = frame.is_init || (!session.negotiated.has_start && frame.cursor.is_some());
        frames.push(frame);
        if is_ready {
            return Ok((transport, frames));
        }
    }
}
