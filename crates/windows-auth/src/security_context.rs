//! One authentication with sspi. sspi logs the messages themselves, so its logging is switched off.

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

/// An authentication in progress.
pub struct SecurityContext {
    mechanism: Mechanism,
    service: String,
    binding: Option<Vec<u8>>,
    sends_form: bool,
    is_complete: bool,
}

enum Mechanism {
    Ntlm(Box<Ntlm>, Option<AuthIdentityBuffers>),
    Negotiate(Box<Negotiate>, Option<CredentialsBuffers>),
}

impl SecurityContext {
    /// NTLM alone. sspi has only version 2.
    pub fn ntlm(account: AuthIdentity, service: &str, binding: Option<&[u8]>) -> Self {
        let mechanism = Mechanism::Ntlm(Box::new(Ntlm::with_config(NtlmConfig::default())), Some(account.into()));
        Self::new(mechanism, service, binding)
    }

    /// NTLM inside SPNEGO.
    ///
    /// # Errors
    /// When sspi cannot be set up.
    pub fn negotiate_ntlm(
        account: AuthIdentity,
        service: &str,
        binding: Option<&[u8]>,
        workstation: &str,
    ) -> sspi::Result<Self> {
        let config = NegotiateConfig::new(
            Box::new(NtlmConfig::default()),
            Some("ntlm,!kerberos".to_owned()),
            workstation.to_owned(),
        );
        Self::negotiate(config, CredentialsBuffers::AuthIdentity(account.into()), service, binding)
    }

    /// Kerberos inside SPNEGO. There is no fallback to NTLM: the caller decides about that.
    ///
    /// # Errors
    /// When sspi cannot be set up.
    pub fn kerberos(
        credentials: CredentialsBuffers,
        service: &str,
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
        let mut context = Self::negotiate(config, credentials, service, binding)?;
        // The ticket is the first and the last message.
        context.sends_form = true;
        Ok(context)
    }

    fn negotiate(
        config: NegotiateConfig,
        credentials: CredentialsBuffers,
        service: &str,
        binding: Option<&[u8]>,
    ) -> sspi::Result<Self> {
        let context = with_default(NoSubscriber::default(), || Negotiate::new_client(config))?;
        Ok(Self::new(Mechanism::Negotiate(Box::new(context), Some(credentials)), service, binding))
    }

    fn new(mechanism: Mechanism, service: &str, binding: Option<&[u8]>) -> Self {
        Self {
            mechanism,
            service: service.to_owned(),
            binding: binding.map(<[u8]>::to_vec),
            sends_form: false,
            is_complete: false,
        }
    }

    /// Whether the form is sent with the current message: with all but NTLM's first, which proves nothing.
    pub fn sends_form(&self) -> bool {
        self.sends_form
    }

    /// Whether the current message is the last one: a 401 that answers it is final.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// The next message to the server, in answer to its challenge. The first message answers none.
    ///
    /// # Errors
    /// When the KDC gives no ticket, or the challenge is invalid.
    pub async fn next(&mut self, challenge: Option<Vec<u8>>, kdc: &mut Kdc) -> sspi::Result<Vec<u8>> {
        let is_first = challenge.is_none();
        let mut input = vec![SecurityBuffer::new(challenge.unwrap_or_default(), BufferType::Token)];
        if let Some(binding) = &self.binding {
            input.push(SecurityBuffer::new(binding.clone(), BufferType::ChannelBindings));
        }
        let mut output = vec![SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let result = match &mut self.mechanism {
            Mechanism::Ntlm(ntlm, account) => {
                let mut step = ntlm
                    .initialize_security_context()
                    .with_credentials_handle(account)
                    .with_context_requirements(ClientRequestFlags::INTEGRITY)
                    .with_target_data_representation(DataRepresentation::Native)
                    .with_target_name(&self.service)
                    .with_input(&mut input)
                    .with_output(&mut output);
                let step = with_default(NoSubscriber::default(), || ntlm.initialize_security_context_impl(&mut step))?;
                run(step, kdc).await?
            }
            Mechanism::Negotiate(negotiate, account) => {
                let mut step = negotiate
                    .initialize_security_context()
                    .with_credentials_handle(account)
                    .with_context_requirements(ClientRequestFlags::INTEGRITY)
                    .with_target_data_representation(DataRepresentation::Native)
                    .with_target_name(&self.service)
                    .with_input(&mut input)
                    .with_output(&mut output);
                let step =
                    with_default(NoSubscriber::default(), || negotiate.initialize_security_context_impl(&mut step))?;
                run(step, kdc).await?
            }
        };
        self.sends_form |= !is_first;
        self.is_complete |= self.sends_form && (is_first || result.status == SecurityStatus::Ok);
        Ok(output.pop().map(|message| message.buffer).unwrap_or_default())
    }
}

/// Runs a step of sspi, which suspends itself for each request to the KDC.
async fn run(
    mut step: GeneratorInitSecurityContext<'_>,
    kdc: &mut Kdc,
) -> sspi::Result<InitializeSecurityContextResult> {
    let mut state = with_default(NoSubscriber::default(), || step.start());
    loop {
        match state {
            GeneratorState::Completed(outcome) => return outcome,
            GeneratorState::Suspended(request) => {
                let reply = kdc.send(&request).await;
                state = with_default(NoSubscriber::default(), || step.resume(reply));
            }
        }
    }
}
