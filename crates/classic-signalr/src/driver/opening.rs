//! Beginning: negotiate, open a transport, start (`signalr.md` section 4).

use std::sync::Arc;

use secrecy::SecretString;
use tokio::time::{Instant, timeout};
use url::Url;

use super::Driver;
use super::current::Current;
use crate::frame::Frame;
use crate::liveness::Liveness;
use crate::negotiate::{ask, negotiate};
use crate::position::Position;
use crate::transport::{Incoming, Opener, Target, Wire};
use crate::{Error, Event, RepairJson, Transport, address};

impl Driver {
    /// Negotiates and opens the first transport that works. The frames that came before `start` was answered count.
    pub(super) async fn begin(&mut self) -> Result<(Wire, Vec<Frame>), Error> {
        let bearer = self.bearer().await?;
        let agreed = negotiate(&self.client, &self.settings, bearer.clone()).await;
        let agreed = self.note_refusal(agreed, bearer.as_ref())?;
        let mut offered = self.settings.transports.clone();
        offered.retain(|wanted| agreed.web_sockets || *wanted != Transport::WebSockets);
        let liveness = Liveness::new(agreed.keep_alive, agreed.disconnect, Instant::now());
        let limit = agreed.connect;
        let (id, start) = (agreed.id.clone(), agreed.start);
        let bearer = agreed.bearer.clone().or(bearer);
        let mut current =
            Current { agreed, transport: Transport::LongPolling, position: Position::default(), liveness };
        let mut failure = Error::NoTransport;
        for transport in offered {
            (current.transport, current.position) = (transport, Position::default());
            let renewed = self.bearer_of(&current.agreed);
            let target = current.target(&self.settings, "connect", bearer.clone(), renewed);
            let opening = open(&self.opener, target, &current, self.settings.repair_json);
            match timeout(limit, opening).await.unwrap_or(Err(Error::TransportTimeout { transport })) {
                Ok((wire, early)) => {
                    current.liveness.heard(Instant::now());
                    if transport == Transport::LongPolling {
                        current.liveness.waits(current.agreed.poll + current.agreed.connect);
                    }
                    let at = current.address(&self.settings, "start");
                    // From here on there is something to abort.
                    self.current = Some(current);
                    if start {
                        self.start(at, bearer.as_ref()).await?;
                    }
                    self.tell(Event::Connected { connection_id: id, transport }).await;
                    return Ok((wire, early));
                }
                Err(reason) => {
                    tracing::debug!(%transport, %reason, "the transport did not come up; trying the next");
                    failure = reason;
                }
            }
        }
        self.note_refusal(Err(failure), bearer.as_ref())
    }

    async fn start(&self, at: Url, bearer: Option<&Arc<SecretString>>) -> Result<(), Error> {
        let answer = ask(self.client.get(at), "start", &self.settings.url, bearer).await;
        let answer = self.note_refusal(answer, bearer)?;
        if answer.windows(7).any(|window| window == b"started") {
            return Ok(());
        }
        Err(Error::NotSignalR { command: "start", host: address::host(&self.settings.url) })
    }
}

/// Opens a transport and reads it up to the init message. Frames on the way are kept, in order.
async fn open(
    opener: &Opener,
    target: Target,
    current: &Current,
    repair_json: Option<RepairJson>,
) -> Result<(Wire, Vec<Frame>), Error> {
    let mut wire = opener.open(current.transport, target).await?;
    let mut early = Vec::new();
    loop {
        let Incoming::Frame(bytes) = wire.next().await? else { continue };
        let frame = Frame::parse_with(&bytes, repair_json)?;
        wire.heed(&frame);
        if frame.fatal {
            return Err(Error::ServerError);
        }
        // Servers before 1.4 have no init message: the first message is it.
        let ready = frame.init || (!current.agreed.start && frame.cursor.is_some());
        early.push(frame);
        if ready {
            return Ok((wire, early));
        }
    }
}
