#!/usr/bin/env python3
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs what lies in pipelines/ as people do, on short clips.

usage: pipelines.py SOURCE_ROOT BUILD_ROOT [TEST...]    (TAP; FOVEA_SHARED names the folder of test media)
"""
import json
import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
import time

SOURCE, BUILD = sys.argv[1:3]
SHARED = os.environ.get('FOVEA_SHARED') or os.path.join(SOURCE, '..', 'shared')
SHARED = os.path.abspath(SHARED)
SCRIPTS = os.path.join(SOURCE, 'pipelines')
PROGRAMS = os.path.join(BUILD, 'pipelines')
MODEL = os.path.join(SHARED, 'models/deimv2/deimv2_hgnetv2_atto_coco.onnx')
SCENE = os.path.join(SHARED, 'media/video/vtest_8s.webm')
AISLE = os.path.join(SHARED, 'media/video/store-aisle-detection-preview.mp4')
WHISPER = os.path.join(SHARED, 'models/whisper-tiny.en')
SPEECH = os.path.join(SHARED, 'media/speech/jfk.wav')
FRAMES = 20  # or one less, of each clip that is cut from them
PHOTO = os.path.join(SHARED, 'media/photos/giraffes.jpg')


def run(command, seconds=120, ok=True, **extra):
    """Output of a command; its environment has the built plugin and the small model."""
    environment = {**os.environ, 'GST_PLUGIN_PATH': os.path.join(BUILD, 'plugins'),
                   'MODEL': MODEL, **extra}
    done = subprocess.run(command, env=environment, capture_output=True, text=True,
                          timeout=seconds, check=False)
    if ok and done.returncode != 0:
        raise AssertionError(f'{command[0]}: exit {done.returncode}: {done.stderr[-800:]}')
    return done


def run_until(enough, command, **extra):
    """Interrupts a command when enough() is true; what it wrote to stderr. A command that comes to
    nothing is given far more time than any machine needs."""
    environment = {**os.environ, 'GST_PLUGIN_PATH': os.path.join(BUILD, 'plugins'),
                   'MODEL': MODEL, **extra}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    try:
        end = time.monotonic() + 90
        while process.poll() is None and time.monotonic() < end and not enough():
            time.sleep(0.2)
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        return process.communicate(timeout=60)[1]
    finally:
        process.kill()
        process.wait()


def written(path):
    """The lines that are in a file so far, whole ones only."""
    if not os.path.exists(path):
        return []
    with open(path, encoding='utf-8') as file:
        return lines_of(file.read().rpartition('\n')[0])


def script(name, *arguments, **extra):
    return run([os.path.join(SCRIPTS, name), *arguments], **extra)


def lines_of(text):
    return [json.loads(line) for line in text.splitlines()]


def people(lines):
    return sum(d['label'] == 'person' for line in lines for d in line['detections'])


def frames_of(folder, path):
    """Number of frames that a video decodes to."""
    out = os.path.join(folder, 'count.jsonl')
    run(['gst-launch-1.0', '-q', 'filesrc', f'location={path}', '!', 'decodebin', '!',
         'videoconvert', '!', 'foveapublish', f'location={out}', '!', 'fakesink'])
    with open(out, encoding='utf-8') as file:
        return len(file.readlines())


def cut(folder, path):
    """The first frames of a video, as a file of its own."""
    out = os.path.join(folder, os.path.splitext(os.path.basename(path))[0] + '-cut.avi')
    run(['gst-launch-1.0', '-q', 'filesrc', f'location={path}', '!', 'decodebin', '!',
         'videoconvert', '!', 'identity', f'eos-after={FRAMES}', '!', 'jpegenc', '!',
         'avimux', '!', 'filesink', f'location={out}'])
    return out


def test_json_only(folder):
    first = script('json-only.sh', CLIP).stdout
    lines = lines_of(first)
    assert len(lines) == frames_of(folder, CLIP) >= FRAMES - 2, len(lines)
    assert [line['frame'] for line in lines] == list(range(len(lines)))
    assert all(line['analysed'] and line['stream'] == os.path.basename(CLIP) for line in lines)
    assert people(lines) > 2 * len(lines), people(lines)
    for line in lines:
        for d in line['detections']:
            x0, y0, x1, y1 = d['box']
            assert 0 <= x0 < x1 <= line['width'] and 0 <= y0 < y1 <= line['height'], d
    assert script('json-only.sh', CLIP).stdout == first, 'two runs differ'


def test_file_to_mp4(folder):
    out = os.path.join(folder, 'out.mp4')
    script('file-to-mp4.sh', CLIP, out)
    assert frames_of(folder, out) == frames_of(folder, CLIP)


def test_many_files(folder):
    out = os.path.join(folder, 'many.jsonl')
    other = cut(folder, AISLE)
    script('many-files.sh', out, CLIP, other)
    with open(out, encoding='utf-8') as file:
        lines = lines_of(file.read())
    for path in (CLIP, other):
        mine = [line for line in lines if line['stream'] == os.path.basename(path)]
        assert [line['frame'] for line in mine] == list(range(frames_of(folder, path))), path
        assert people(mine) > 0, path


def test_rtsp(folder):
    out = os.path.join(folder, 'rtsp.jsonl')
    environment = dict(os.environ, GST_PLUGIN_PATH=os.path.join(BUILD, 'plugins'))
    server = subprocess.Popen(
        [os.path.join(PROGRAMS, 'rtsp-out'), f'--model={MODEL}', '--port=0', '--seconds=120', SCENE],
        env=environment, stdout=subprocess.PIPE, text=True)
    try:
        address = server.stdout.readline().strip()
        assert address.startswith('rtsp://127.0.0.1:'), address

        def enough():
            lines = written(out)
            return len(lines) >= 10 and people(line for line in lines if line['analysed']) > 0
        said = run_until(enough, [os.path.join(SCRIPTS, 'rtsp-in.sh'), address], LOCATION=out)
        lines = written(out)
        assert enough(), f'{len(lines)} frames came: {said[-800:]}'
        assert lines[0]['stream'] == address
    finally:
        server.terminate()
        server.wait(10)


def test_camera(folder):
    source = ('videotestsrc is-live=true num-buffers=40 pattern=ball ! '
              'video/x-raw,width=640,height=480,framerate=25/1')
    done = script('camera-to-screen.sh', SOURCE=source, SINK='fakesink sync=false')
    assert 'ERROR' not in done.stderr


def streams_of(path):
    """What a file holds: its kinds of streams, and the size of its pictures."""
    text = run(['gst-discoverer-1.0', path]).stdout
    kinds = re.findall(r'^ *(video|audio|subtitles) ?#', text, re.M)
    size = re.search(r'Width: (\d+)\s+Height: (\d+)', text)
    return sorted(kinds), size and tuple(map(int, size.groups()))


def talking(folder):
    """A small video in which somebody speaks for eleven seconds."""
    out = os.path.join(folder, 'talk.mp4')
    run(['gst-launch-1.0', '-q', '-e', 'mp4mux', 'name=m', '!', 'filesink', f'location={out}',
         'filesrc', f'location={SPEECH}', '!', 'decodebin', '!', 'audioconvert', '!',
         'audioresample', '!', 'audio/x-raw,rate=44100', '!', 'avenc_aac', '!', 'queue',
         'max-size-time=30000000000', 'max-size-bytes=0', '!', 'm.',
         'videotestsrc', 'num-buffers=110', 'pattern=black', '!',
         'video/x-raw,format=I420,width=320,height=240,framerate=10/1', '!', 'x264enc', '!', 'queue', '!',
         'm.'])
    return out


def words(text):
    return re.sub(r'[^a-z ]', '', ' '.join(text.lower().split())).split()


def says_it(text):
    """Most of the words of the speech are in the text."""
    wanted = words('and so my fellow americans ask not what your country can do for you ask what '
                   'you can do for your country')
    heard = set(words(text))
    assert sum(word in heard for word in wanted) >= len(wanted) - 2, text


def test_restore_file(folder):
    talk = talking(folder)
    out = os.path.join(folder, 'restored.mp4')
    script('restore-file.sh', talk, out, MODEL='')
    assert streams_of(out) == (['audio', 'video'], (640, 480)), streams_of(out)
    assert frames_of(folder, out) == frames_of(folder, talk)
    script('restore-file.sh', AISLE, out, MODEL='')  # has no sound
    assert streams_of(out) == (['video'], (960, 540)), streams_of(out)


def test_restore_camera(folder):
    source = ('videotestsrc is-live=true num-buffers=40 pattern=ball ! '
              'video/x-raw,width=320,height=240,framerate=25/1')
    out = os.path.join(folder, 'seen.avi')
    script('restore-camera.sh', MODEL='', SOURCE=source,
           SINK=f'jpegenc ! avimux ! filesink location={out}')
    assert streams_of(out) == (['video'], (640, 480)), streams_of(out)
    assert frames_of(folder, out) >= 38


def test_restore_detect(folder):
    short = cut(folder, AISLE)
    out, lines = os.path.join(folder, 'out.mp4'), os.path.join(folder, 'out.jsonl')
    script('restore-detect.sh', short, out, LOCATION=lines)
    with open(lines, encoding='utf-8') as file:
        found = lines_of(file.read())
    assert len(found) == frames_of(folder, short) == frames_of(folder, out)
    assert all((line['width'], line['height']) == (960, 540) for line in found)
    assert people(found) > len(found) / 2, people(found)


def test_captions(folder):
    talk = talking(folder)
    srt = os.path.join(folder, 'talk.srt')
    script('caption-to-srt.sh', talk, srt, MODEL=WHISPER)
    with open(srt, encoding='utf-8') as file:
        says_it(file.read())
    mkv = os.path.join(folder, 'talk.mkv')
    script('caption-to-mkv.sh', talk, mkv, MODEL=WHISPER)
    assert streams_of(mkv) == (['audio', 'subtitles', 'video'], (320, 240)), streams_of(mkv)
    assert frames_of(folder, mkv) == frames_of(folder, talk)
    track = os.path.join(folder, 'track.txt')
    run(['gst-launch-1.0', '-q', 'filesrc', f'location={mkv}', '!', 'matroskademux', 'name=d',
         'd.subtitle_0', '!', 'filesink', f'location={track}'])
    with open(track, encoding='utf-8') as file:
        says_it(file.read().replace('\n', ' '))


def bright(path):
    """Of each frame of a video, how many of its bytes are bright."""
    done = subprocess.run(
        ['gst-launch-1.0', '-q', 'filesrc', f'location={path}', '!', 'decodebin', '!',
         'videoconvert', '!', 'videoscale', '!', 'video/x-raw,format=GRAY8,width=320,height=240', '!', 'fdsink'],
        capture_output=True, timeout=60, check=True)
    size = 320 * 240
    return [sum(byte > 180 for byte in done.stdout[at:at + size])
            for at in range(0, len(done.stdout) - size + 1, size)]


def test_burnt_in(folder):
    talk, out = talking(folder), os.path.join(folder, 'captioned.mp4')
    vtt = os.path.join(folder, 'talk.vtt')
    script('caption-to-mp4.sh', talk, out, MODEL=WHISPER, LOCATION=vtt)
    assert streams_of(out) == (['audio', 'video'], (320, 240)), streams_of(out)
    with open(vtt, encoding='utf-8') as file:
        text = file.read()
    assert text.startswith('WEBVTT'), text[:40]
    says_it(text)
    shown = bright(out)
    assert len(shown) == frames_of(folder, talk)
    assert sum(n > 100 for n in shown) > 0.7 * len(shown), shown
    assert max(bright(talk)) < 100


def test_microphone(folder):
    source = (f'filesrc location={SPEECH} ! decodebin ! audioconvert ! audioresample ! '
              'identity sync=true')
    seen = os.path.join(folder, 'seen.avi')
    done = script('caption-microphone.sh', MODEL=WHISPER, SOURCE=source)
    lines = lines_of(done.stdout)
    # How much is heard of it depends on the machine: live sound that is not kept up with is left.
    heard = ' '.join(line['text'] for line in lines if line['final'])
    assert 'country' in heard, done.stdout + done.stderr
    assert all(line['stream'] == 'microphone' for line in lines)
    done = run(['timeout', '-s', 'INT', '-k', '10', '25',
                os.path.join(SCRIPTS, 'caption-microphone.sh')], ok=False, MODEL=WHISPER,
               SOURCE=source, WINDOW='1', LOCATION=os.path.join(folder, 'mic.srt'),
               SINK=f'jpegenc ! avimux ! filesink location={seen}')
    assert any(n > 100 for n in bright(seen)), done.stderr


def test_rtsp_captions(folder):
    out = os.path.join(folder, 'rtsp.jsonl')
    environment = dict(os.environ, GST_PLUGIN_PATH=os.path.join(BUILD, 'plugins'))
    server = subprocess.Popen(
        [os.path.join(PROGRAMS, 'rtsp-out'), '--port=0', '--seconds=100', talking(folder)],
        env=environment, stdout=subprocess.PIPE, text=True)
    seen = os.path.join(folder, 'seen.avi')
    try:
        address = server.stdout.readline().strip()
        assert address.startswith('rtsp://127.0.0.1:'), address
        done = run(['timeout', '-s', 'INT', '-k', '10', '35',
                    os.path.join(SCRIPTS, 'caption-rtsp.sh'), address], ok=False, MODEL=WHISPER,
                   LOCATION=out, SINK=f'jpegenc ! avimux ! filesink location={seen}',
                   AUDIO_SINK='fakesink sync=true')
        with open(out, encoding='utf-8') as file:
            lines = lines_of(file.read())
        heard = ' '.join(line['text'] for line in lines)
        assert 'country' in heard or 'Americans' in heard, f'{heard}: {done.stderr[-800:]}'
        assert any(n > 100 for n in bright(seen)), done.stderr
    finally:
        server.terminate()
        server.wait(10)


def test_rtsp_out_captions(folder):
    environment = dict(os.environ, GST_PLUGIN_PATH=os.path.join(BUILD, 'plugins'))
    server = subprocess.Popen(
        [os.path.join(PROGRAMS, 'rtsp-out'), f'--captions={WHISPER}', '--port=0', '--seconds=100',
         talking(folder)], env=environment, stdout=subprocess.PIPE, text=True)
    seen = os.path.join(folder, 'seen.avi')
    try:
        address = server.stdout.readline().strip()
        done = run(['timeout', '-s', 'INT', '-k', '10', '60', 'gst-launch-1.0', '-q', '-e',
                    'rtspsrc', f'location={address}', '!', 'application/x-rtp,media=video', '!',
                    'decodebin', '!', 'videoconvert', '!', 'jpegenc', '!', 'avimux', '!',
                    'filesink', f'location={seen}'], ok=False)
        assert sum(n > 100 for n in bright(seen)) > 20, done.stderr
    finally:
        server.terminate()
        server.wait(10)


def test_embed_pipeline(folder):
    done = run([os.path.join(PROGRAMS, 'embed-pipeline'), MODEL, CLIP])
    found = [line for line in done.stdout.splitlines() if ': person 0.' in line]
    assert len(found) > 2 * FRAMES, len(found)
    done = run([os.path.join(PROGRAMS, 'embed-pipeline'), '/nowhere.onnx', CLIP], ok=False)
    assert done.returncode == 1 and 'nowhere' in done.stderr, done.stderr


def test_embed_engine(folder):
    picture = os.path.join(folder, 'photo.ppm')
    run(['gst-launch-1.0', '-q', 'filesrc', f'location={PHOTO}', '!', 'jpegdec', '!',
         'videoconvert', '!', 'avenc_ppm', '!', 'filesink', f'location={picture}'])
    done = run([os.path.join(PROGRAMS, 'embed-engine'), MODEL, picture])
    assert 'giraffe 0.' in done.stdout, done.stdout
    # A picture that says it is larger than its file.
    with open(picture, 'wb') as file:
        file.write(b'P6 4000 4000 255\n' + bytes(100))
    done = run([os.path.join(PROGRAMS, 'embed-engine'), MODEL, picture], ok=False)
    assert done.returncode == 2, done.returncode


def find_model(folder, curl):
    """find-model.sh where no model lies about and `curl` is this script."""
    path = os.path.join(folder, 'bin')
    os.makedirs(path, exist_ok=True)
    program = os.path.join(path, 'curl')
    with open(program, 'w', encoding='utf-8') as file:
        file.write('#!/bin/sh\n' + curl)
    os.chmod(program, os.stat(program).st_mode | stat.S_IXUSR)
    return run([os.path.join(SCRIPTS, 'find-model.sh'), 'atto'], ok=False,
               PATH=path + ':' + os.environ['PATH'], FOVEA_SHARED='/nowhere', FOVEA_MODELS='',
               XDG_CACHE_HOME=os.path.join(folder, 'cache'))


def test_find_model(folder):
    done = find_model(folder, 'exit 6\n')
    assert done.returncode == 1 and 'FOVEA_MODELS' in done.stderr, done.stderr
    # Something else than the model comes: refused, and nothing of it stays.
    done = find_model(folder, 'while [ "$1" != -o ]; do shift; done; echo other > "$2"\n')
    assert done.returncode == 1 and 'SHA-256' in done.stderr, done.stderr
    assert not [f for _, _, files in os.walk(os.path.join(folder, 'cache')) for f in files]
    # The model comes: it is found, and works.
    done = find_model(folder, f'while [ "$1" != -o ]; do shift; done; cp "{MODEL}" "$2"\n')
    assert done.returncode == 0, done.stderr
    path = done.stdout.strip()
    lines = lines_of(run([os.path.join(SCRIPTS, 'json-only.sh'), CLIP]).stdout)
    environment = dict(os.environ, MODEL=path, GST_PLUGIN_PATH=os.path.join(BUILD, 'plugins'))
    again = subprocess.run([os.path.join(SCRIPTS, 'json-only.sh'), CLIP], env=environment,
                           capture_output=True, text=True, timeout=120, check=True)
    assert lines_of(again.stdout) == lines
    # And found again without a download; FOVEA_MODELS comes first.
    assert find_model(folder, 'exit 6\n').stdout.strip() == path
    done = run([os.path.join(SCRIPTS, 'find-model.sh'), 'atto'],
               FOVEA_MODELS=os.path.dirname(os.path.dirname(MODEL)))
    assert done.stdout.strip() == MODEL, done.stdout


def test_find_whisper(folder):
    command = [os.path.join(SCRIPTS, 'find-model.sh'), 'whisper']
    nowhere = {'FOVEA_SHARED': '/nowhere', 'XDG_CACHE_HOME': folder}
    done = run(command, ok=False, FOVEA_MODELS='', **nowhere)
    assert done.returncode == 1 and 'huggingface.co' in done.stderr, done.stderr
    # A folder without its decoder is none.
    half = os.path.join(folder, 'half models')
    os.makedirs(os.path.join(half, 'whisper-tiny.en/onnx'))
    with open(os.path.join(half, 'whisper-tiny.en/onnx/encoder_model.onnx'), 'wb'):
        pass
    done = run(command, FOVEA_MODELS=half + ':' + os.path.dirname(WHISPER), **nowhere)
    assert done.stdout.strip() == WHISPER, done.stdout


def main():
    only = sys.argv[3:]
    tests = [(name[5:].replace('_', '-'), function) for name, function in globals().items()
             if name.startswith('test_') and (not only or name[5:] in only)]
    if not os.path.isdir(SHARED):
        print(f'1..0 # SKIP {SHARED} is not there: no clips and no model')
        return 0
    global CLIP
    failed = False
    common = tempfile.TemporaryDirectory(prefix='fovea-pipelines-')
    CLIP = cut(common.name, SCENE)
    print(f'1..{len(tests)}', flush=True)
    for number, (name, function) in enumerate(tests, 1):
        with tempfile.TemporaryDirectory(prefix='fovea-pipelines-') as folder:
            try:
                function(folder)
                print(f'ok {number} {name}', flush=True)
            except (AssertionError, OSError, ValueError, subprocess.SubprocessError) as problem:
                failed = True
                text = str(problem).replace('\n', '\n# ') or repr(problem)
                print(f'not ok {number} {name}\n# {text}', flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
