//! Reads aria2's control file (`NAME.aria2`, format version 1): which pieces of a file are there.
//! Pure.
//!
//! All numbers are big-endian: version 2 bytes, extension 4, length of the info hash 4, info hash,
//! length of a piece 4, length of the file 8, length of uploads 8, length of the bit field 4, and
//! the bit field, highest bit first. Pieces that were under way are taken as absent.

use crate::transfer::ranges::Ranges;

/// The ranges of a file of `size` bytes that are complete; `None` if this is no control file of it.
pub(crate) fn finished(control: &[u8], size: u64) -> Option<Ranges> {
    let mut rest = control;
    if take(&mut rest, 2)? != 1 {
        return None;
    }
    take(&mut rest, 4)?;
    let info_hash = usize::try_from(take(&mut rest, 4)?).ok()?;
    rest = rest.get(info_hash..)?;
    let piece = take(&mut rest, 4)?;
    let total = take(&mut rest, 8)?;
    take(&mut rest, 8)?;
    let field_len = usize::try_from(take(&mut rest, 4)?).ok()?;
    let field = rest.get(..field_len)?;
    if total != size || piece == 0 {
        return None;
    }
    let is_set = |index: usize| field[index / 8] & (0x80 >> (index % 8)) != 0;
    let ranges = (0..field.len() * 8)
        .filter(|index| is_set(*index))
        .map_while(|index| {
            let start = piece.checked_mul(index as u64)?;
            (start < size).then(|| start..start.saturating_add(piece).min(size))
        });
    Some(ranges.collect())
}

/// Takes a big-endian number of `len` bytes off the front.
fn take(bytes: &mut &[u8], len: usize) -> Option<u64> {
    let (head, tail) = bytes.split_at_checked(len)?;
    *bytes = tail;
    Some(head.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn control(total: u64, piece: u32, field: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend(piece.to_be_bytes());
        bytes.extend(total.to_be_bytes());
        bytes.extend(0u64.to_be_bytes());
        bytes.extend(u32::try_from(field.len()).unwrap().to_be_bytes());
        bytes.extend(field);
        bytes.extend([0; 4]);
        bytes
    }

    #[test]
    fn finished_pieces_are_found() {
        let bytes = control(2500, 1000, &[0b1010_0000]);
        assert_eq!(
            finished(&bytes, 2500).unwrap().iter().collect::<Vec<_>>(),
            [0..1000, 2000..2500]
        );
        assert_eq!(finished(&bytes, 2501), None);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80), piece in any::<u32>(), total in any::<u64>(), field in proptest::collection::vec(any::<u8>(), 0..9)) {
            finished(&bytes, total);
            if let Some(ranges) = finished(&control(total, piece, &field), total) {
                prop_assert!(ranges.iter().all(|r| r.end <= total));
            }
        }
    }
}
