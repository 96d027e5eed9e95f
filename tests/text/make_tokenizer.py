#!/usr/bin/env python3
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
"""What the `tokenizers` library makes of texts and ids, for tokenizer.c.

usage: make_tokenizer.py SHARED      (needs tokenizers and Python 3.11, whose Unicode is 14)

Writes data/tokenizer.json: {"cases": [{"tokenizer": a tokenizer.json or "whisper" for that of
SHARED/models/whisper-tiny.en, "encode": [[text, ids, ids with the special tokens], ...],
"decode": [[ids, text, text without special tokens], ...]}, ...],
"transcripts": [[number of ids, their FNV hash], ...]} (of SHARED/media/speech/transcripts.tsv, line
by line). Texts are UTF-8 in hexadecimal digits;
they hold characters of Unicode 14 only, because the library knows a later one than GLib.
"""
import json
import os
import random
import sys
import unicodedata

from tokenizers import Tokenizer

SEED = 20261124
PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
HAND = [
    '', ' ', '  ', 'a', ' a', 'a ', '\0', 'a\0b', '\n', '\r\n\r\n', ' \n x', '\t\ta  b   c    ',
    "I'm we'll they've he's she'd you're don't 'tis 'S 'LL ''s 's't", "x's'", "'", "''", " '", " 's",
    'Hello, world!  How are you?', '3.14159 and 1,000,000 or ½ ² Ⅷ', 'naïve café e\u0301 \u212b',
    '日本語のテキスト、そして中文。', 'مرحبا بالعالم', 'हिन्दी', '👩‍👩‍👧‍👦👍🏽🇩🇪', '\u00a0\u2003\u3000x\u0085y\u2028z\u200b',
    'snake_case CamelCase http://a.b/c?d=e&f=%20', '\ufeffbom', 'ß ẞ İ ı ǆ', '<|endoftext|>',
    'a<|endoftext|>b', '<|endoftext|><|startoftranscript|> x <|notimestamps|>', '<|endoftext|',
    ' <|nospeech|> ', '<|en', '<<|en|>|>', 'Ġthe', 'A' * 300, ' ' * 100, 'ab' * 100, '-' * 90,
    '!?' * 50, '\u0301' * 10, 'Zürich—“quotes”… ‘n’',
]


def assigned():
    assert unicodedata.unidata_version == '14.0.0'
    return [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) not in ('Cn', 'Cs', 'Co')]


def random_text(rng, letters, extra):
    """A mix of single characters of any script, white space, words and tokens."""
    parts = []
    for _ in range(rng.randint(1, 12)):
        kind = rng.random()
        if kind < 0.35:
            parts.append(rng.choice(letters))
        elif kind < 0.55:
            parts.append(rng.choice(' \t\n\r\u00a0\u2009\u3000  ') * rng.choice([1, 1, 2, 3]))
        elif kind < 0.65:
            parts.append(rng.choice(["'s", "'re", "'ll", "n't", "'", '...', '--', '1234', '0']))
        elif kind < 0.7:
            block = rng.choice([0x370, 0x400, 0x5d0, 0x900, 0xe00, 0x3040, 0x4e00, 0xac00, 0x1f600])
            parts += [c for c in (chr(block + rng.randrange(64)) for _ in range(6))
                      if unicodedata.category(c) != 'Cn']
        elif kind < 0.8 and extra:
            parts.append(rng.choice(extra))
        else:
            parts.append(rng.choice(['the', ' and', 'speech', 'Fovea', ' transcript', 'ing', ' a', 'é']))
    return ''.join(parts)


def byte_letters():
    own = [*range(0x21, 0x7f), *range(0xa1, 0xad), *range(0xae, 0x100)]
    others = [b for b in range(256) if b not in own]
    return {**{b: chr(b) for b in own}, **{b: chr(256 + i) for i, b in enumerate(others)}}


def small(rng, as_strings=False, without=()):
    """A vocabulary of the bytes and of merges between random tokens that follow each other."""
    letters = [c for b, c in byte_letters().items() if b not in without]
    vocab = {c: i for i, c in enumerate(letters)}
    merges = []
    text = 'Ġthe Ġand speech Fovea Ġtranscript ing Ġa Ã© Ġs ĠĠ ĠĠĠ \' s . .. -- 1234 aaaa'.split(' ')
    while len(merges) < 120:
        word = rng.choice(text)
        cut = sorted(rng.sample(range(len(word) + 1), min(3, len(word) + 1)))
        if len(cut) < 3:
            continue
        left, right = word[cut[0]:cut[1]], word[cut[1]:cut[2]]
        if left not in vocab or right not in vocab or [left, right] in merges:
            continue
        vocab.setdefault(left + right, len(vocab))
        merges.append([left, right])
    return {'type': 'BPE', 'dropout': None, 'unk_token': None, 'continuing_subword_prefix': None,
            'end_of_word_suffix': None, 'fuse_unk': False, 'byte_fallback': False,
            'ignore_merges': False, 'vocab': vocab,
            'merges': [' '.join(m) for m in merges] if as_strings else merges}


def added(first, *tokens):
    names = ('special', 'lstrip', 'rstrip', 'single_word', 'normalized')
    return [{'id': first + i, 'content': content, **{n: n in flags for n in names}}
            for i, (content, flags) in enumerate(tokens)]


def byte_level(prefix=False, regex=True):
    return {'type': 'ByteLevel', 'add_prefix_space': prefix, 'trim_offsets': True, 'use_regex': regex}


def template(before, after):
    piece = [{'SpecialToken': {'id': n, 'type_id': 0}} for n, _ in before]
    piece += [{'Sequence': {'id': 'A', 'type_id': 0}}]
    piece += [{'SpecialToken': {'id': n, 'type_id': 0}} for n, _ in after]
    return {'type': 'TemplateProcessing', 'single': piece, 'pair': piece + [{'Sequence': {'id': 'B', 'type_id': 1}}],
            'special_tokens': {n: {'id': n, 'ids': [i], 'tokens': [n]} for n, i in before + after}}


def variants(rng):
    base = {'version': '1.0', 'truncation': None, 'padding': None, 'normalizer': None,
            'pre_tokenizer': byte_level(), 'post_processor': None, 'decoder': byte_level(True)}
    model = small(rng)
    n = len(model['vocab'])
    tokens = added(n, ('<s>', {'special'}), ('</s>', {'special'}), ('<l>', {'lstrip'}),
                   ('<r>', {'rstrip', 'normalized'}), ('<b>', {'lstrip', 'rstrip', 'special'}),
                   ('word', {'single_word'}), ('caf\u00e9', {'normalized'}), ('<s>long', set()),
                   ('two words', set()), ('\u212b', {'normalized'}))
    yield {**base, 'normalizer': {'type': 'NFC'}, 'pre_tokenizer': byte_level(True), 'added_tokens': tokens,
           'model': model, 'post_processor': template([('<s>', n)], [('</s>', n + 1), ('<b>', n + 4)])}
    yield {**base, 'added_tokens': tokens, 'model': {**small(rng, True), 'ignore_merges': True, 'vocab': model['vocab'],
                                                      'merges': model['merges'][:40]},
           'pre_tokenizer': {'type': 'Sequence', 'pretokenizers': [
               {'type': 'Split', 'pattern': {'Regex': PATTERN}, 'behavior': 'Isolated', 'invert': False},
               byte_level(False, False)]},
           'post_processor': {'type': 'Sequence', 'processors': [byte_level(), template([('<s>', n)], [])]}}
    yield {**base, 'added_tokens': [], 'model': small(rng, True), 'pre_tokenizer': byte_level(False, False),
           'post_processor': byte_level()}
    yield {**base, 'added_tokens': [], 'model': small(rng, without=(ord('e'), ord(' '), 0xc3)),
           'normalizer': {'type': 'Sequence', 'normalizers': []}}


def hexed(text):
    return text.encode().hex()


def run(rng, name, tokenizer, letters, n_texts, n_ids):
    extra = [t.content for t in tokenizer.get_added_tokens_decoder().values()]
    texts = HAND + [random_text(rng, letters, extra) for _ in range(n_texts)]
    if extra:
        texts += [' %s ' % t for t in extra[:12]] + ['a%sb' % t for t in extra[:12]] + [
            'x %s  %s y' % (rng.choice(extra), rng.choice(extra)) for _ in range(20)] + [
            's\u0301word word, word\u0301 _word word1', 'cafe\u0301 caf\u00e9', 'A\u030a \u212b']
    encode = [[hexed(t), tokenizer.encode(t, add_special_tokens=False).ids, tokenizer.encode(t).ids]
              for t in texts]
    decode = []
    size = tokenizer.get_vocab_size()
    for _ in range(n_ids):
        ids = [rng.randrange(256 if rng.random() < 0.6 else size) for _ in range(rng.randint(1, 12))]
        decode.append([ids, hexed(tokenizer.decode(ids, skip_special_tokens=False)),
                       hexed(tokenizer.decode(ids, skip_special_tokens=True))])
    return {'tokenizer': name, 'encode': encode, 'decode': decode}


def fnv(ids):
    value = 0xcbf29ce484222325
    for i in ids:
        value = ((value ^ i) * 0x100000001b3) & 0xffffffffffffffff
    return f'{value:016x}'


def transcripts(shared, tokenizer):
    result = []
    with open(os.path.join(shared, 'media', 'speech', 'transcripts.tsv'), encoding='utf-8') as file:
        for line in file:
            ids = tokenizer.encode(line.rstrip('\n').split('\t')[1]).ids
            result.append([len(ids), fnv(ids)])
    return result


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    rng = random.Random(SEED)
    letters = assigned()
    whisper = os.path.join(sys.argv[1], 'models', 'whisper-tiny.en', 'tokenizer.json')
    lines = transcripts(sys.argv[1], Tokenizer.from_file(whisper))
    result = [run(rng, 'whisper', Tokenizer.from_file(whisper), letters, 700, 300)]
    for variant in variants(rng):
        tokenizer = Tokenizer.from_str(json.dumps(variant))
        result.append(run(rng, variant, tokenizer, letters, 120, 100))
    here = os.path.dirname(os.path.abspath(__file__))
    os.makedirs(os.path.join(here, 'data'), exist_ok=True)
    with open(os.path.join(here, 'data', 'tokenizer.json'), 'w', encoding='ascii') as file:
        file.write('{"cases":[\n' + ',\n'.join(json.dumps(r, separators=(',', ':')) for r in result) + '],\n')
        file.write('"transcripts":' + json.dumps(lines) + '}\n')


if __name__ == '__main__':
    main()
