//! Floats of 32 or 16 bits, as a model's graphs take and give them.

use half::f16;
use ndarray::Ix4;
use ort::value::{DynValue, Tensor, TensorElementType};

use super::Attention;

/// Which floats a graph takes and gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FloatKind {
    /// 32 bits.
    Single,
    /// 16 bits.
    Half,
}

impl FloatKind {
    /// The kind of a tensor's elements; none where they are no floats, or others.
    pub(super) fn of(element: TensorElementType) -> Option<Self> {
        match element {
            TensorElementType::Float32 => Some(Self::Single),
            TensorElementType::Float16 => Some(Self::Half),
            _ => None,
        }
    }

    /// The elements of a tensor of this kind.
    pub(super) fn element(self) -> TensorElementType {
        match self {
            Self::Single => TensorElementType::Float32,
            Self::Half => TensorElementType::Float16,
        }
    }
}

/// Values of one kind.
#[derive(Debug, Clone)]
pub(crate) enum Floats {
    /// 32 bits.
    Single(Vec<f32>),
    /// 16 bits.
    Half(Vec<f16>),
}

impl Floats {
    /// Copies a tensor's values.
    pub(super) fn read(value: &DynValue) -> ort::Result<Self> {
        match value.try_extract_tensor::<f32>() {
            Ok((_, values)) => Ok(Self::Single(values.to_vec())),
            Err(_) => Ok(Self::Half(value.try_extract_tensor::<f16>()?.1.to_vec())),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Single(values) => values.len(),
            Self::Half(values) => values.len(),
        }
    }

    pub(super) fn part(&self, start: usize, length: usize) -> Self {
        match self {
            Self::Single(values) => Self::Single(values[start..start + length].to_vec()),
            Self::Half(values) => Self::Half(values[start..start + length].to_vec()),
        }
    }

    /// One after another; all of one kind, since one model made them.
    pub(super) fn joined(parts: &[&Self]) -> ort::Result<Self> {
        let mixed = || ort::Error::new("windows of different precision in one batch");
        let length = parts.iter().map(|part| part.len()).sum();
        match parts.first() {
            Some(Self::Half(_)) => {
                let mut all = Vec::with_capacity(length);
                for part in parts {
                    let Self::Half(values) = part else { return Err(mixed()) };
                    all.extend_from_slice(values);
                }
                Ok(Self::Half(all))
            }
            Some(Self::Single(_)) | None => {
                let mut all = Vec::with_capacity(length);
                for part in parts {
                    let Self::Single(values) = part else { return Err(mixed()) };
                    all.extend_from_slice(values);
                }
                Ok(Self::Single(all))
            }
        }
    }

    pub(super) fn into_tensor<const N: usize>(self, shape: [usize; N]) -> ort::Result<DynValue> {
        Ok(match self {
            Self::Single(values) => Tensor::from_array((shape, values))?.into_dyn(),
            Self::Half(values) => Tensor::from_array((shape, values))?.into_dyn(),
        })
    }
}

/// A tensor of the kind that a graph wants.
pub(super) fn tensor<const N: usize>(
    shape: [usize; N],
    values: Vec<f32>,
    kind: FloatKind,
) -> ort::Result<DynValue> {
    let values = match kind {
        FloatKind::Half => Floats::Half(values.into_iter().map(f16::from_f32).collect()),
        FloatKind::Single => Floats::Single(values),
    };
    values.into_tensor(shape)
}

/// A tensor of four dimensions as 32-bit floats.
pub(super) fn array4(value: &DynValue) -> ort::Result<Attention> {
    let array = match value.try_extract_array::<f32>() {
        Ok(array) => array.to_owned(),
        Err(_) => value.try_extract_array::<f16>()?.mapv(f16::to_f32),
    };
    array.into_dimensionality::<Ix4>().map_err(|error| ort::Error::new(error.to_string()))
}
