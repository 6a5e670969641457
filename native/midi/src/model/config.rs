//! `config.json`: the nets' shapes and the tokenizer's version.

use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::tokenizer::Version;

/// Shape of one net.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct NetConfig {
    pub vocab_size: usize,
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub layers: usize,
    pub heads: usize,
    /// Heads of keys and values; divides `heads`.
    pub kv_heads: usize,
    /// Width of a head; even.
    pub head_dim: usize,
    pub rms_norm_eps: f32,
    pub rope_theta: f64,
}

/// A model's configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Of the tokenizer.
    pub version: Version,
    /// Whether seeds are tidied by default.
    pub optimise_midi: bool,
    /// The net over events.
    pub net: NetConfig,
    /// The net over an event's tokens.
    pub net_token: NetConfig,
}

#[derive(Deserialize)]
struct RawNet {
    vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    rms_norm_eps: Option<f64>,
    rope_theta: Option<f64>,
    hidden_act: Option<String>,
    attention_bias: Option<bool>,
    mlp_bias: Option<bool>,
    rope_scaling: Option<Value>,
    rope_parameters: Option<Value>,
    tie_word_embeddings: Option<bool>,
    pretraining_tp: Option<usize>,
}

/// Larger shapes are taken for damage: sizes are multiplied with one another later.
const LARGEST: usize = 1 << 20;

impl Config {
    /// Reads `config.json`'s text; `file` is for messages.
    pub fn parse(text: &str, file: &str) -> Result<Config> {
        let bad = |message: String| Error::input("bad-config", format!("{file}: {message}"));
        let value: Value =
            serde_json::from_str(text).map_err(|cause| bad(format!("expected JSON: {cause}")))?;
        let net = |key: &str| -> Result<NetConfig> {
            let part = value.get(key).filter(|v| v.is_object());
            let part = part.ok_or_else(|| {
                bad(format!("expected \"{key}\", as a MIDI model's configuration has it, found none"))
            })?;
            let raw: RawNet =
                serde_json::from_value(part.clone()).map_err(|cause| bad(format!("{key}: {cause}")))?;
            raw.check().map_err(|message| bad(format!("{key}: {message}")))
        };
        let (event, token) = (net("net_config")?, net("net_token_config")?);
        let tokenizer = value.get("tokenizer");
        let name = tokenizer.and_then(|t| t.get("version")).and_then(Value::as_str);
        let version = name.and_then(Version::from_name).ok_or_else(|| {
            bad(format!("tokenizer.version: expected \"v1\" or \"v2\", found {}", name.unwrap_or("none")))
        })?;
        let optimise_midi =
            tokenizer.and_then(|t| t.get("optimise_midi")).and_then(Value::as_bool).unwrap_or(false);
        if event.hidden_size != token.hidden_size {
            let (a, b) = (event.hidden_size, token.hidden_size);
            return Err(bad(format!("both nets should have one hidden_size, found {a} and {b}")));
        }
        for (part, config) in [("net_config", &event), ("net_token_config", &token)] {
            if config.vocab_size != version.vocab_size() {
                let want = version.vocab_size();
                return Err(bad(format!(
                    "{part}.vocab_size: tokenizer {name} has {want} tokens, found {found}",
                    name = version.name(),
                    found = config.vocab_size
                )));
            }
        }
        Ok(Config { version, optimise_midi, net: event, net_token: token })
    }

    /// A published configuration: `tv1-medium`, `tv2-medium`, `tv2o-medium`, `tv2-large`, `tv2o-large`.
    pub fn named(name: &str) -> Option<Config> {
        let (tokenizer, size) = name.split_once('-')?;
        let (version, optimise_midi) = match tokenizer {
            "tv1" => (Version::V1, false),
            "tv2" => (Version::V2, false),
            "tv2o" => (Version::V2, true),
            _ => return None,
        };
        let layers = match (size, version) {
            ("medium", _) => 12,
            ("large", Version::V2) => 24,
            _ => return None,
        };
        let net = |part: usize| NetConfig {
            vocab_size: version.vocab_size(),
            hidden_size: 1024,
            intermediate_size: 4096 / part,
            layers: layers / part,
            heads: 16 / part,
            kv_heads: 16 / part,
            head_dim: 64 * part,
            rms_norm_eps: 1e-6,
            rope_theta: 10000.0,
        };
        Some(Config { version, optimise_midi, net: net(1), net_token: net(4) })
    }
}

impl RawNet {
    fn check(self) -> std::result::Result<NetConfig, String> {
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
        ];
        for (name, size) in sizes {
            if size == 0 || size > LARGEST {
                return Err(format!("{name}: expected 1 to {LARGEST}, found {size}"));
            }
        }
        let heads = self.num_attention_heads;
        let kv_heads = self.num_key_value_heads.unwrap_or(heads);
        if kv_heads == 0 || !heads.is_multiple_of(kv_heads) {
            return Err(format!("num_key_value_heads: expected a divisor of {heads}, found {kv_heads}"));
        }
        let head_dim = self.head_dim.unwrap_or(self.hidden_size / heads);
        if head_dim == 0 || !head_dim.is_multiple_of(2) || head_dim * heads > LARGEST {
            return Err(format!("head_dim: expected an even number, found {head_dim}"));
        }
        if self.head_dim.is_none() && head_dim * heads != self.hidden_size {
            return Err(format!("hidden_size {} is no multiple of {heads} heads", self.hidden_size));
        }
        let act = self.hidden_act.as_deref().unwrap_or("silu");
        if act != "silu" && act != "swish" {
            return Err(format!("hidden_act: expected silu, found {act}"));
        }
        let flags = [
            ("attention_bias", self.attention_bias),
            ("mlp_bias", self.mlp_bias),
            ("tie_word_embeddings", self.tie_word_embeddings),
        ];
        if let Some((name, _)) = flags.iter().find(|(_, flag)| *flag == Some(true)) {
            return Err(format!("{name}: not supported, MIDI models are published without it"));
        }
        if self.pretraining_tp.is_some_and(|tp| tp > 1) {
            return Err("pretraining_tp: expected 1".into());
        }
        let rope = self.rope_parameters.as_ref().or(self.rope_scaling.as_ref()).filter(|v| v.is_object());
        let kind = rope.and_then(|r| r.get("rope_type").or_else(|| r.get("type"))).and_then(Value::as_str);
        if kind.is_some_and(|kind| kind != "default") {
            return Err(format!("rope: expected the plain one, found {}", kind.unwrap_or_default()));
        }
        let theta = rope.and_then(|r| r.get("rope_theta")).and_then(Value::as_f64).or(self.rope_theta);
        let eps = self.rms_norm_eps.unwrap_or(1e-6);
        let theta = theta.unwrap_or(10000.0);
        if !(eps > 0.0 && eps < 1.0 && theta > 1.0 && theta.is_finite()) {
            return Err(format!("rms_norm_eps {eps} or rope_theta {theta} is out of range"));
        }
        Ok(NetConfig {
            vocab_size: self.vocab_size,
            hidden_size: self.hidden_size,
            intermediate_size: self.intermediate_size,
            layers: self.num_hidden_layers,
            heads,
            kv_heads,
            head_dim,
            rms_norm_eps: eps as f32,
            rope_theta: theta,
        })
    }
}

impl NetConfig {
    /// Angles of the rotary embedding at position 1, in the original's precision.
    pub fn frequencies(&self) -> Vec<f32> {
        let power = |i: usize| (2 * i) as f32 / self.head_dim as f32;
        let base = |i: usize| self.rope_theta.powf(f64::from(power(i))) as f32;
        (0..self.head_dim / 2).map(|i| 1.0 / base(i)).collect()
    }
}
