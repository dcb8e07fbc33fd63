//! The messages of one sign-in, by the library. What the library would log contains them, so it is not heard.

use sspi::generator::{GeneratorInitSecurityContext, GeneratorState};
use sspi::ntlm::NtlmConfig;
use sspi::{
    AuthIdentity, AuthIdentityBuffers, BufferType, ClientRequestFlags, CredentialsBuffers, DataRepresentation,
    InitializeSecurityContextResult, KdcResolution, KerberosConfig, Negotiate, NegotiateConfig, Ntlm, SecurityBuffer,
    SecurityStatus, Sspi, SspiImpl,
};
use tracing::subscriber::{NoSubscriber, with_default};
use url::Url;

use super::kdc::Kdc;

/// One sign-in under way.
pub struct Exchange {
    context: Context,
    target: String,
    binding: Option<Vec<u8>>,
    sends_form: bool,
    is_over: bool,
}

enum Context {
    Ntlm(Box<Ntlm>, Option<AuthIdentityBuffers>),
    Negotiate(Box<Negotiate>, Option<CredentialsBuffers>),
}

impl Exchange {
    /// Bare NTLM, version 2: the library knows no other.
    pub fn ntlm(account: AuthIdentity, target: &str, binding: Option<&[u8]>) -> Self {
        let context = Context::Ntlm(Box::new(Ntlm::with_config(NtlmConfig::default())), Some(account.into()));
        Self::new(context, target, binding)
    }

    /// NTLM inside SPNEGO.
    ///
    /// # Errors
    /// When the library refuses to begin.
    pub fn ntlm_negotiated(
        account: AuthIdentity,
        target: &str,
        binding: Option<&[u8]>,
        workstation: &str,
    ) -> sspi::Result<Self> {
        let config = NegotiateConfig::new(
            Box::new(NtlmConfig::default()),
            Some("ntlm,!kerberos".to_owned()),
            workstation.to_owned(),
        );
        Self::negotiate(config, CredentialsBuffers::AuthIdentity(account.into()), target, binding)
    }

    /// Kerberos inside SPNEGO, and nothing else: whoever asks for it decides what to do without a ticket.
    ///
    /// # Errors
    /// When the library refuses to begin.
    pub fn kerberos(
        credentials: CredentialsBuffers,
        target: &str,
        binding: Option<&[u8]>,
        kdc: Url,
        workstation: &str,
    ) -> sspi::Result<Self> {
        let kerberos = KerberosConfig {
            kdc_resolution: KdcResolution::KdcUrl(Some(kdc)),
            client_computer_name: workstation.to_owned(),
        };
        let config =
            NegotiateConfig::new(Box::new(kerberos), Some("kerberos,!ntlm".to_owned()), workstation.to_owned());
        let mut exchange = Self::negotiate(config, credentials, target, binding)?;
        // The ticket is the first message and the last.
        exchange.sends_form = true;
        Ok(exchange)
    }

    fn negotiate(
        config: NegotiateConfig,
        credentials: CredentialsBuffers,
        target: &str,
        binding: Option<&[u8]>,
    ) -> sspi::Result<Self> {
        let context = with_default(NoSubscriber::default(), || Negotiate::new_client(config))?;
        Ok(Self::new(Context::Negotiate(Box::new(context), Some(credentials)), target, binding))
    }

    fn new(context: Context, target: &str, binding: Option<&[u8]>) -> Self {
        Self {
            context,
            target: target.to_owned(),
            binding: binding.map(<[u8]>::to_vec),
            sends_form: false,
            is_over: false,
        }
    }

    /// Whether the form goes along with the latest message: it goes with all but NTLM's first, which proves nothing.
    pub fn sends_form(&self) -> bool {
        self.sends_form
    }

    /// Whether all has been said from our side: what the server refuses now, it refuses for good.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Our next message, after theirs. The first answers nothing.
    ///
    /// # Errors
    /// When there is no ticket, or their message makes no sense.
    pub async fn next(&mut self, theirs: Option<Vec<u8>>, kdc: &mut Kdc) -> sspi::Result<Vec<u8>> {
        let is_first = theirs.is_none();
        let mut input = vec![SecurityBuffer::new(theirs.unwrap_or_default(), BufferType::Token)];
        if let Some(binding) = &self.binding {
            input.push(SecurityBuffer::new(binding.clone(), BufferType::ChannelBindings));
        }
        let mut output = vec![SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let result = match &mut self.context {
            Context::Ntlm(ntlm, account) => {
                let mut step = ntlm
                    .initialize_security_context()
                    .with_credentials_handle(account)
                    .with_context_requirements(ClientRequestFlags::INTEGRITY)
                    .with_target_data_representation(DataRepresentation::Native)
                    .with_target_name(&self.target)
                    .with_input(&mut input)
                    .with_output(&mut output);
                let step = with_default(NoSubscriber::default(), || ntlm.initialize_security_context_impl(&mut step))?;
                run(step, kdc).await?
            }
            Context::Negotiate(negotiate, account) => {
                let mut step = negotiate
                    .initialize_security_context()
                    .with_credentials_handle(account)
                    .with_context_requirements(ClientRequestFlags::INTEGRITY)
                    .with_target_data_representation(DataRepresentation::Native)
                    .with_target_name(&self.target)
                    .with_input(&mut input)
                    .with_output(&mut output);
                let step =
                    with_default(NoSubscriber::default(), || negotiate.initialize_security_context_impl(&mut step))?;
                run(step, kdc).await?
            }
        };
        self.sends_form |= !is_first;
        self.is_over |= self.sends_form && (is_first || result.status == SecurityStatus::Ok);
        Ok(output.pop().map(|message| message.buffer).unwrap_or_default())
    }
}

/// Runs the library's step, which stops whenever it wants to ask the domain.
async fn run(
    mut step: GeneratorInitSecurityContext<'_>,
    kdc: &mut Kdc,
) -> sspi::Result<InitializeSecurityContextResult> {
    let mut state = with_default(NoSubscriber::default(), || step.start());
    loop {
        match state {
            GeneratorState::Completed(outcome) => return outcome,
            GeneratorState::Suspended(question) => {
                let reply = kdc.ask(&question).await;
                state = with_default(NoSubscriber::default(), || step.resume(reply));
            }
        }
    }
}
