//! Invented verbatims of customers.

use rand::RngExt;
use rand::rngs::StdRng;

/// How satisfied a customer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sentiment {
    Positive,
    Mixed,
    Negative,
}

impl Sentiment {
    /// The sentiment for a random number from 0 to 1; most are positive.
    pub fn of(rng: f64) -> Self {
        match rng {
            rng if rng < 0.55 => Self::Positive,
            rng if rng < 0.78 => Self::Mixed,
            _ => Self::Negative,
        }
    }

    /// The remark type of such a message (apis.md G35).
    pub fn remark_type(self) -> &'static str {
        match self {
            Self::Positive => "Praise",
            Self::Mixed => "Question",
            Self::Negative => "Problem",
        }
    }

    /// A likelihood to recommend, 0 to 10.
    pub fn nps(self, rng: &mut StdRng) -> u8 {
        match self {
            Self::Positive => rng.random_range(9..=10),
            Self::Mixed => rng.random_range(6..=8),
            Self::Negative => rng.random_range(0..=5),
        }
    }
}

const POSITIVE: [[&str; 3]; 6] = [
    [
        "The lady on the phone was patient and knew her trade.",
        "My parcel was found within minutes.",
        "That is how it should be!",
    ],
    [
        "Quick answer, friendly voice, problem gone.",
        "I had feared a long wait.",
        "Please pass my thanks on to the whole team.",
    ],
    ["Somebody listened to me at last.", "The refund arrived the very next day.", "I shall order again."],
    [
        "The chat was shorter than I expected and solved everything.",
        "I even got a hint about the loyalty programme.",
        "Well done.",
    ],
    ["Accueil très aimable et réponse claire.", "Mon échange a été traité en deux jours.", "Merci à toute l'équipe !"],
    [
        "Sehr freundliche Beratung, und das am Samstagabend.",
        "Die Ersatzteile kamen schon am Dienstag.",
        "Gerne wieder.",
    ],
];

const MIXED: [[&str; 3]; 4] = [
    [
        "The agent was kind, yet had to ask a colleague twice.",
        "In the end it worked out.",
        "Could the opening hours be on the web site?",
    ],
    [
        "It took three transfers until I had the right person.",
        "She knew the answer at once.",
        "Why not put me through to her directly?",
    ],
    [
        "The exchange went well, only the label did not print.",
        "I had to visit a copy shop.",
        "Is there another way next time?",
    ],
    [
        "Le conseiller était poli, mais l'attente un peu longue.",
        "J'ai reçu une réponse partielle.",
        "Quand le reste suivra-t-il ?",
    ],
];

const NEGATIVE: [[&str; 3]; 6] = [
    [
        "I waited for a quarter of an hour and then the line went dead.",
        "Nobody called back.",
        "My order is still missing its second half.",
    ],
    [
        "I was told three different things by three different people.",
        "The invoice is wrong for the second time.",
        "I want it mended this week.",
    ],
    [
        "The return was refused although the shoes were never worn.",
        "Your rules say thirty days, and it was the ninth.",
        "Explain this, please.",
    ],
    [
        "The technician came a day late and without the part.",
        "I took leave for nothing.",
        "I expect more than an apology.",
    ],
    [
        "Colis annoncé livré, mais personne ne l'a vu.",
        "Le suivi n'a pas changé depuis lundi.",
        "Je demande un remboursement.",
    ],
    [
        "Die Rechnung stimmt zum zweiten Mal nicht.",
        "Am Telefon hieß es, das sei längst erledigt.",
        "So verliert man Kunden.",
    ],
];

const FOLLOW_UPS: [&str; 6] = [
    "Thank you for your answer. When can I expect the parcel?",
    "That helps. Could you send me the label once more, please?",
    "I have done as you said, and it works now. Have a good day!",
    "This does not answer my question. What about the second invoice?",
    "Merci pour votre réponse. Je reste à votre disposition.",
    "Danke für die schnelle Antwort. Bis wann ist das erledigt?",
];

/// Two or three sentences of a customer with this sentiment.
pub fn opinion(rng: &mut StdRng, sentiment: Sentiment) -> String {
    let choice: &[[&str; 3]] = match sentiment {
        Sentiment::Positive => &POSITIVE,
        Sentiment::Mixed => &MIXED,
        Sentiment::Negative => &NEGATIVE,
    };
    let sentences = choice[rng.random_range(0..choice.len())];
    sentences[..rng.random_range(2..=3)].join(" ")
}

/// The customer's answer to a reply.
pub fn follow_up(rng: &mut StdRng) -> String {
    FOLLOW_UPS[rng.random_range(0..FOLLOW_UPS.len())].to_owned()
}
