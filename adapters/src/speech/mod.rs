//! Whisper on ONNX Runtime: from a file to words. Read `engine.rs` first.

