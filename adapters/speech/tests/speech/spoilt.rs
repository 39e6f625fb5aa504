//! A model on which one token works like a fault of the device: whatever follows on it is not finite.

use std::path::Path;

/// Makes the decoder of the fixture model in `folder` give no numbers once it has read `token`; the token itself can
/// still be written. `suffix` names the files, as `_fp16` does.
pub fn spoil(folder: &Path, suffix: &str, token: u32) {
    for graph in ["decoder_model", "decoder_with_past_model"] {
        let path = folder.join(format!("{graph}{suffix}.onnx"));
        let mut bytes = std::fs::read(&path).unwrap();
        embed_differently(&mut bytes, token);
        std::fs::write(&path, bytes).unwrap();
    }
    // It names the digests of the files as they were.
    let _none_there = std::fs::remove_file(folder.join("manifest.json"));
}

/// The embedding also makes the logits. So the node that reads it gets a copy of its own, of which one row is not
/// finite; a message of protobuf may be continued, so the copy follows on the file's end.
fn embed_differently(bytes: &mut Vec<u8>, token: u32) {
    const EMBEDDING: &[u8] = b"model.decoder.embed_tokens.weight";
    const COPY: &[u8] = b"model.decoder.spoilt_words.weight";
    const TOKENS: usize = 1_917;
    const WIDTH: usize = 128;
    let found: Vec<usize> =
        (0..bytes.len() - EMBEDDING.len()).filter(|at| bytes[*at..].starts_with(EMBEDDING)).collect();
    let (reader, initializer) = (found[0], found[found.len() - 1] + EMBEDDING.len());
    // Behind the name: raw_data (field 9), of a length of three bytes.
    assert_eq!(bytes[initializer], 9 << 3 | 2);
    let mut row = bytes[initializer + 4..initializer + 4 + TOKENS * WIDTH * 4].to_vec();
    let start = token as usize * WIDTH * 4;
    row[start..start + WIDTH * 4].copy_from_slice(&f32::NAN.to_le_bytes().repeat(WIDTH));
    bytes[reader..reader + COPY.len()].copy_from_slice(COPY);
    let mut tensor = Vec::new();
    tensor.push(1 << 3);
    varint(&mut tensor, TOKENS);
    tensor.push(1 << 3);
    varint(&mut tensor, WIDTH);
    tensor.extend([2 << 3, 1]);
    field(&mut tensor, 8, COPY);
    field(&mut tensor, 9, &row);
    let mut graph = Vec::new();
    field(&mut graph, 5, &tensor);
    field(bytes, 7, &graph);
}

fn field(message: &mut Vec<u8>, number: u8, content: &[u8]) {
    message.push(number << 3 | 2);
    varint(message, content.len());
    message.extend(content);
}

fn varint(message: &mut Vec<u8>, mut value: usize) {
    while value > 0x7f {
        message.push(value as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}
