//! A small BERT in the layout the usual tools load: configuration, word list, sharded weights
//! with their index. The weights mean nothing; shapes, names and headers are real.

use super::{Content, Repo};
use serde_json::{Map, Value, json};

/// How large a generated BERT is.
#[derive(Debug, Clone, Copy)]
pub struct BertSize {
    /// Width of the hidden state; a multiple of 64, the width of a head.
    pub hidden: u64,
    /// Number of layers.
    pub layers: u64,
    /// Number of words.
    pub vocabulary: u64,
    /// Number of weight files.
    pub shards: usize,
}

impl BertSize {
    /// About 1.5 MB in two weight files: for tests.
    pub const TINY: Self = Self {
        hidden: 64,
        layers: 2,
        vocabulary: 3000,
        shards: 2,
    };
    /// About 150 MB in five weight files: for people to watch.
    pub const DEMO: Self = Self {
        hidden: 512,
        layers: 8,
        vocabulary: 23_000,
        shards: 5,
    };
}

/// Longest input, as in the published BERT models.
const POSITIONS: u64 = 512;

struct Tensor {
    name: String,
    shape: Vec<u64>,
}

impl Tensor {
    fn bytes(&self) -> u64 {
        4 * self.shape.iter().product::<u64>()
    }
}

/// The repository `demo-org/tiny-bert` with weights from `seed`.
pub fn tiny_bert(seed: u64, size: BertSize) -> Repo {
    let tensors = tensors(size);
    let total: u64 = tensors.iter().map(Tensor::bytes).sum();
    let mut repo = Repo::model("demo-org/tiny-bert")
        .file(
            ".gitattributes",
            "*.safetensors filter=lfs diff=lfs merge=lfs -text\n",
        )
        .file("README.md", readme(total))
        .file("config.json", pretty(&config(size)))
        .file("tokenizer_config.json", pretty(&tokenizer_config()))
        .file("vocab.txt", vocabulary(size.vocabulary));
    let mut weight_map = Map::new();
    let shards = split(tensors, size.shards.max(1), total);
    for (number, shard) in shards.iter().enumerate() {
        let name = format!("model-{:05}-of-{:05}.safetensors", number + 1, shards.len());
        for tensor in shard {
            weight_map.insert(tensor.name.clone(), json!(name));
        }
        repo = repo.lfs(&name, safetensors(shard, seed.wrapping_add(number as u64)));
    }
    let index = json!({ "metadata": { "total_size": total }, "weight_map": weight_map });
    repo.file("model.safetensors.index.json", pretty(&index))
        .build()
}

fn tensors(size: BertSize) -> Vec<Tensor> {
    let (hidden, inner) = (size.hidden, 4 * size.hidden);
    let mut all = Vec::new();
    let mut add = |name: String, shape: &[u64]| {
        all.push(Tensor {
            name,
            shape: shape.to_vec(),
        });
    };
    add(
        "embeddings.word_embeddings.weight".into(),
        &[size.vocabulary, hidden],
    );
    add(
        "embeddings.position_embeddings.weight".into(),
        &[POSITIONS, hidden],
    );
    add(
        "embeddings.token_type_embeddings.weight".into(),
        &[2, hidden],
    );
    add("embeddings.LayerNorm.weight".into(), &[hidden]);
    add("embeddings.LayerNorm.bias".into(), &[hidden]);
    for layer in 0..size.layers {
        for (part, outputs, inputs) in [
            ("attention.self.query", hidden, hidden),
            ("attention.self.key", hidden, hidden),
            ("attention.self.value", hidden, hidden),
            ("attention.output.dense", hidden, hidden),
            ("intermediate.dense", inner, hidden),
            ("output.dense", hidden, inner),
        ] {
            add(
                format!("encoder.layer.{layer}.{part}.weight"),
                &[outputs, inputs],
            );
            add(format!("encoder.layer.{layer}.{part}.bias"), &[outputs]);
        }
        for part in ["attention.output.LayerNorm", "output.LayerNorm"] {
            add(format!("encoder.layer.{layer}.{part}.weight"), &[hidden]);
            add(format!("encoder.layer.{layer}.{part}.bias"), &[hidden]);
        }
    }
    add("pooler.dense.weight".into(), &[hidden, hidden]);
    add("pooler.dense.bias".into(), &[hidden]);
    all
}

/// Consecutive tensors, cut wherever the next share of the total is reached.
fn split(tensors: Vec<Tensor>, count: usize, total: u64) -> Vec<Vec<Tensor>> {
    let share = total.div_ceil(count as u64);
    let mut shards: Vec<Vec<Tensor>> = vec![Vec::new()];
    let mut written = 0;
    for tensor in tensors {
        if written >= share * shards.len() as u64 {
            shards.push(Vec::new());
        }
        written += tensor.bytes();
        if let Some(last) = shards.last_mut() {
            last.push(tensor);
        }
    }
    shards
}

fn safetensors(tensors: &[Tensor], seed: u64) -> Content {
    let mut header = Map::new();
    header.insert("__metadata__".into(), json!({ "format": "pt" }));
    let mut offset = 0;
    for tensor in tensors {
        let end = offset + tensor.bytes();
        let entry = json!({ "dtype": "F32", "shape": tensor.shape, "data_offsets": [offset, end] });
        header.insert(tensor.name.clone(), entry);
        offset = end;
    }
    let mut text = Value::Object(header).to_string();
    // The format wants the weights aligned to eight bytes, padded by spaces in the header.
    text.push_str(&" ".repeat(text.len().next_multiple_of(8) - text.len()));
    let mut head = (text.len() as u64).to_le_bytes().to_vec();
    head.extend_from_slice(text.as_bytes());
    Content::concat([Content::bytes(head), Content::weights(seed, offset)])
}

fn config(size: BertSize) -> Value {
    json!({
        "architectures": ["BertModel"],
        "model_type": "bert",
        "attention_probs_dropout_prob": 0.1,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "hidden_size": size.hidden,
        "initializer_range": 0.02,
        "intermediate_size": 4 * size.hidden,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": POSITIONS,
        "num_attention_heads": size.hidden / 64,
        "num_hidden_layers": size.layers,
        "pad_token_id": 0,
        "type_vocab_size": 2,
        "vocab_size": size.vocabulary,
        "torch_dtype": "float32",
    })
}

fn tokenizer_config() -> Value {
    json!({
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": true,
        "model_max_length": POSITIONS,
        "unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]",
        "cls_token": "[CLS]", "mask_token": "[MASK]",
    })
}

fn vocabulary(count: u64) -> String {
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(str::to_owned);
    let letters = ('a'..='z')
        .chain('0'..='9')
        .flat_map(|c| [c.to_string(), format!("##{c}")]);
    let words = (0..).map(|number| format!("word{number}"));
    let lines = special.into_iter().chain(letters).chain(words);
    lines
        .take(super::index(count))
        .fold(String::new(), |text, line| text + &line + "\n")
}

fn readme(total: u64) -> String {
    format!(
        "---\nlicense: apache-2.0\nlibrary_name: transformers\n---\n# tiny-bert\n\n\
         A BERT of {total} bytes of weights that were never trained: for tests of downloads.\n"
    )
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shard_is_a_whole_safetensors_file() {
        let repo = tiny_bert(1, BertSize::TINY);
        let shards: Vec<_> = repo.files.iter().filter(|f| f.is_lfs()).collect();
        assert_eq!(shards.len(), 2);
        for shard in shards {
            let head = shard.content().read(0..8);
            let length = u64::from_le_bytes(head[..].try_into().unwrap());
            let header: Map<String, Value> =
                serde_json::from_slice(&shard.content().read(8..8 + length)).unwrap();
            let end = header
                .values()
                .filter_map(|t| t["data_offsets"][1].as_u64())
                .max();
            assert_eq!(shard.size(), 8 + length + end.unwrap());
        }
    }

    #[test]
    fn the_sizes_are_as_promised() {
        let size = |size| tiny_bert(1, size).total_size();
        assert!((1_000_000..2_000_000).contains(&size(BertSize::TINY)));
        assert!((140_000_000..160_000_000).contains(&size(BertSize::DEMO)));
        assert_eq!(tiny_bert(1, BertSize::DEMO).files.len(), 11);
        let words = vocabulary(BertSize::TINY.vocabulary).lines().count() as u64;
        assert_eq!(words, BertSize::TINY.vocabulary);
    }
}
