"""German of what the core and its worker say has gone wrong."""

from __future__ import annotations

FAULTS = {
    # Worker, device and memory
    "A DLL the worker needs is missing.": "Dem Prozess mit dem Modell fehlt eine DLL.",
    "A file the worker was reading, most likely of the model, was cut short under it.":
        "Eine Datei, wohl des Modells, wurde gekürzt, während der Prozess sie las.",
    "Somebody ended the worker.": "Jemand hat den Prozess mit dem Modell beendet.",
    "The device has too little memory for this job.": "Das Gerät hat für diesen Auftrag zu wenig Speicher.",
    "{device} has too little memory for {model}.": "{device} hat zu wenig Speicher für {model}.",
    "The device ran out of memory; the job goes on in a fresh process, once.":
        "Dem Gerät ging der Speicher aus; der Auftrag geht einmal in einem neuen Prozess weiter.",
    "The graphics device stopped answering.": "Das Grafikgerät antwortet nicht mehr.",
    "{device} stopped answering: {why}.": "{device} antwortet nicht mehr: {why}.",
    "There is no device {device} here.": "Ein Gerät {device} gibt es hier nicht.",
    "The GPU cannot be locked ({why}): another job may take its memory at the same time.":
        "Die Grafikkarte lässt sich nicht reservieren ({why}): Ein anderer Auftrag kann ihr zugleich "
        "Speicher nehmen.",
    "The Blender or the script that asked for this job ended before the job did.":
        "Das Blender oder das Skript, das den Auftrag gab, endete vor ihm.",
    "The worker ({version}) speaks protocol {theirs}, this side {ours}.":
        "Der Prozess mit dem Modell ({version}) spricht Protokoll {theirs}, diese Seite {ours}.",
    "The worker aborted inside a library.": "Der Prozess mit dem Modell brach in einer Bibliothek ab.",
    "The worker could not understand how it was started.":
        "Der Prozess mit dem Modell hat nicht verstanden, wie er gestartet wurde.",
    "The worker could not understand what it was told.":
        "Der Prozess mit dem Modell hat nicht verstanden, was er tun soll.",
    "The worker crashed inside a library (access violation).":
        "Der Prozess mit dem Modell ist in einer Bibliothek abgestürzt (Zugriffsverletzung).",
    "The worker crashed inside a library.": "Der Prozess mit dem Modell ist in einer Bibliothek abgestürzt.",
    "The worker crashed {count} times within a minute: {why}":
        "Der Prozess mit dem Modell ist in einer Minute {count}-mal abgestürzt: {why}",
    "The worker did not answer for {seconds} s.": "Der Prozess mit dem Modell hat {seconds} s lang nicht geantwortet.",
    "The worker gave no sign of life for {seconds} s.":
        "Der Prozess mit dem Modell gab {seconds} s lang kein Lebenszeichen.",
    "The worker ended without finishing the job.":
        "Der Prozess mit dem Modell endete, ohne den Auftrag fertigzustellen.",
    "The worker lost sight of the process that started it.":
        "Der Prozess mit dem Modell findet den nicht mehr, der ihn gestartet hat.",
    "The worker ran into an instruction this processor lacks.":
        "Der Prozess mit dem Modell braucht einen Befehl, den dieser Prozessor nicht hat.",
    "The worker stopped with a Python error.": "Der Prozess mit dem Modell endete mit einem Fehler in Python.",
    "The worker was killed from outside, perhaps because memory ran out.":
        "Der Prozess mit dem Modell wurde von außen beendet, vielleicht weil der Speicher ausging.",
    "The worker's Python cannot be started: {python}: {why}.":
        "Das Python der Laufzeitumgebung lässt sich nicht starten: {python}: {why}.",
    "Neither {folder} nor the temporary folder can be written: {why}.":
        "Weder in {folder} noch in den Ordner für temporäre Dateien kann geschrieben werden: {why}.",
    "The job folder {folder} cannot be used: {why}.":
        "Der Ordner {folder} des Auftrags ist nicht zu gebrauchen: {why}.",
    "The job's record cannot be written: {why}.": "Der Stand des Auftrags lässt sich nicht schreiben: {why}.",
    "Attention by {name} needs a GPU, not {device}.":
        "Attention durch {name} braucht eine Grafikkarte, nicht {device}.",
    "Attention by {name} is not there: {why}": "Attention durch {name} fehlt hier: {why}",
    "The blocks cannot be compiled here: {why}": "Die Blöcke lassen sich hier nicht kompilieren: {why}",
    # Camera and prompt
    "From frame {last} to {first}, between two windows, the camera jumps by {step} px.":
        "Von Frame {last} zu {first}, zwischen zwei Fenstern des Modells, springt die Kamera um {step} px.",
    "A picture side of {pixels} pixels cannot be made.": "Eine Bildseite von {pixels} Pixeln ist nicht möglich.",
    "A plate of {size} pixels cannot be made.": "Eine Plate von {size} Pixeln ist nicht möglich.",
    "The camera changes at frame {frames}.": "In Einzelbild {frames} wechselt die Kamera.",
    "The camera path has no frames.": "Der Kamerapfad hat keine Einzelbilder.",
    "The camera's angle of view is {view} degrees; it must lie within 1 and 170.":
        "Der Blickwinkel der Kamera ist {view} Grad; er muss zwischen 1 und 170 liegen.",
    "The camera's {channel} is {value}.": "Die Kamera hat als {channel} den Wert {value}.",
    "The camera's frames {first} to {last} do not hold all that was measured.":
        "Die Einzelbilder {first} bis {last} der Kamera enthalten nicht alles Gemessene.",
    "Frames {first} to {last} are not a range within {least} to {most}.":
        "Die Einzelbilder {first} bis {last} sind kein Bereich innerhalb von {least} bis {most}.",
    "Frame {frame} is not in the camera's range {first} to {last}.":
        "Einzelbild {frame} liegt nicht im Bereich {first} bis {last} der Kamera.",
    "Frame {frame} is negative; file names count from zero.":
        "Einzelbild {frame} ist negativ; Dateinamen zählen ab null.",
    "{count} frames are too few to tell how the camera moves.":
        "{count} Einzelbilder sind zu wenig, um die Bewegung der Kamera zu erkennen.",
    "The prompt holds a NUL character.": "Der Prompt enthält ein NUL-Zeichen.",
    "The prompt holds half a character.": "Der Prompt enthält ein halbes Zeichen.",
    "The prompt is {size} bytes long; {most} is the limit.": "Der Prompt hat {size} Bytes; {most} sind die Grenze.",
    "{model} needs a prompt.": "{model} braucht einen Prompt.",
    "The draft model does not know and leaves out: {words}.":
        "Das Entwurfsmodell kennt nicht und lässt weg: {words}.",
    "{model} reads {count} tokens; what the prompt says after them is not in the first frame.":
        "{model} liest {count} Token; was der Prompt danach sagt, ist nicht im ersten Bild.",
    "What moves by itself runs at {speed} times its speed: the model makes {rate} fps.":
        "Was sich selbst bewegt, läuft mit {speed}-facher Geschwindigkeit: Das Modell macht {rate} Bilder pro Sekunde.",
    "What moves by itself runs at {speed} times its speed: made for 16 fps.":
        "Was sich selbst bewegt, läuft mit {speed}-facher Geschwindigkeit: gemacht für 16 Bilder pro Sekunde.",
    "How far the scene is, no guide tells: the model takes metres for its own unit.":
        "Wie weit die Szene entfernt ist, sagt keine Vorlage: Das Modell nimmt Meter als seine Einheit.",
    # Disk
    "Another process is writing in {folder}.": "Ein anderer Prozess schreibt in {folder}.",
    "Nothing can be written in {folder}: {why}.": "In {folder} kann nicht geschrieben werden: {why}.",
    "The disk is full: {name} could not be written ({why}).":
        "Die Festplatte ist voll: {name} ließ sich nicht schreiben ({why}).",
    "{name} may not be written ({why}).": "{name} darf nicht geschrieben werden ({why}).",
    "{name} could not be written ({why}).": "{name} ließ sich nicht schreiben ({why}).",
    "{name} is held by another program; the new file waits as {part}.":
        "{name} ist in einem anderen Programm geöffnet; die neue Datei wartet als {part}.",
    "{name} is too long a name here.": "{name} ist hier als Name zu lang.",
    "{name} is in the way: {why}.": "{name} ist im Weg: {why}.",
    "The path of a frame would be {count} characters long: {path}...":
        "Der Pfad eines Einzelbilds wäre {count} Zeichen lang: {path}...",
    "The path {path} leads nowhere: {why}.": "Der Pfad {path} führt nirgendwohin: {why}.",
    "The plate may need {need}; {free} are free in {folder}.":
        "Die Plate braucht vielleicht {need}; frei sind {free} in {folder}.",
    "{path} cannot be written: {why}.": "{path} lässt sich nicht schreiben: {why}.",
    "There is no file {path}.": "Die Datei {path} gibt es nicht.",
    "There is no folder {folder}.": "Den Ordner {folder} gibt es nicht.",
    # Plates and their frames
    "Frame {frame} has the shape {shape}, not {wanted}.": "Einzelbild {frame} hat die Form {shape}, nicht {wanted}.",
    "Frame {frame} holds values that are not numbers.": "Einzelbild {frame} enthält Werte, die keine Zahlen sind.",
    "Frame {frame} is neither in {plate} nor in the range.":
        "Einzelbild {frame} ist weder in {plate} noch im Bereich.",
    "Frame {frame} is not in the job's folder.": "Einzelbild {frame} liegt nicht im Ordner des Auftrags.",
    "Frame {frame} is {wide}x{high} pixels, not as it was measured.":
        "Einzelbild {frame} hat {wide}x{high} Pixel, anders als gemessen.",
    "The model made {count} of {wanted} frames; {frame} is missing.":
        "Das Modell hat {count} von {wanted} Einzelbildern erzeugt; {frame} fehlt.",
    "The model made no picture of {shot}.": "Das Modell hat kein Bild von {shot} erzeugt.",
    "The model's picture {name} cannot be read: {why}.": "Das Bild {name} des Modells ist nicht zu lesen: {why}.",
    "The latents could not be kept: {why}": "Die Latents ließen sich nicht aufheben: {why}",
    "The decoder produced values that are not numbers.": "Der Decoder hat Werte geliefert, die keine Zahlen sind.",
    "SANA-WM produced values that are not numbers.": "SANA-WM hat Werte geliefert, die keine Zahlen sind.",
    "{encoder} made no numbers of the prompt ({name}).": "{encoder} hat aus dem Prompt keine Zahlen gemacht ({name}).",
    "The camera of these pictures is not known: {why}": "Die Kamera dieser Bilder ist nicht bekannt: {why}",
    "The pictures end before the plate does: {what}; {enough}.":
        "Die Bilder enden vor dem Rand der Plate: {what}; {enough}.",
    "No solved point lies where {mask} is white.": "Wo {mask} weiß ist, liegt kein gelöster Punkt.",
    "There is no region to pin.": "Es gibt keinen Bereich zum Festhalten.",
    "{name} belongs to another request.": "{name} gehört zu einem anderen Auftrag.",
    "{name} exists already; versions are never overwritten.":
        "{name} gibt es schon; Versionen werden nie überschrieben.",
    "{name} is finished.": "{name} ist fertig.",
    "{name} is no folder of its own.": "{name} ist kein eigener Ordner.",
    "{name} cannot be the name of a plate.": "{name} kann nicht der Name einer Plate sein.",
    "{name} cannot be a file name.": "{name} kann kein Dateiname sein.",
    "{name} is not the file that was written: its bytes have changed.":
        "{name} ist nicht die geschriebene Datei: Ihre Bytes sind anders.",
    "{folder} holds no numbered pictures.": "{folder} enthält keine nummerierten Bilder.",
    "{folder} is not one sequence: {why}.": "{folder} ist keine einzelne Sequenz: {why}.",
    "No model made {plate}: nobody knows how to make it again.":
        "{plate} hat kein Modell erzeugt: Niemand weiß, wie sie noch einmal entsteht.",
    "{model} would start from frame {frame}, which shows another camera than today's.":
        "{model} finge mit Einzelbild {frame} an, das eine andere Kamera als die heutige zeigt.",
    "The path is shorter than one frame of {rate} per second.":
        "Der Pfad ist kürzer als ein Einzelbild bei {rate} pro Sekunde.",
    "A path of one frame has nothing between its frames.":
        "Ein Pfad aus einem Einzelbild hat nichts zwischen seinen Einzelbildern.",
    "{rate} frames per second are no rate for a plate.":
        "{rate} Bilder pro Sekunde sind keine Bildrate für eine Plate.",
    "{model} is too slow for a storyboard.": "{model} ist für ein Storyboard zu langsam.",
    "Frame {frame} is none of {shot}, which has {first} to {last}.":
        "Einzelbild {frame} gehört nicht zu {shot}, der {first} bis {last} hat.",
    "The lock did not help: {why}. Try --no-lock, or another --to.":
        "Fixieren hat nicht geholfen: {why}. Fixieren ausschalten.",
    "The plate does not follow the camera. {why}": "Die Plate folgt der Kamera nicht. {why}",
    "Whether the plate follows the camera is not known. {why}":
        "Ob die Plate der Kamera folgt, ist nicht bekannt. {why}",
    "The camera's hash and the hash of camera.json differ in the manifest.":
        "Im Manifest sind der Hash der Kamera und der von camera.json verschieden.",
    "The camera's range is not the range of the frames.": "Die Kamera hat einen anderen Bereich als die Einzelbilder.",
    "The request asked for other frames than those listed.":
        "Verlangt wurden andere Einzelbilder als die aufgeführten.",
    "plate.json is not what was written: what it says has changed.":
        "plate.json ist nicht, wie es geschrieben wurde: Was darin steht, hat sich geändert.",
    "{name} is missing: the plate was signed once.": "{name} fehlt: Die Plate war einmal signiert.",
    "{plate} was made with a {thing}.": "{plate} wurde mit einem solchen erzeugt: {thing}.",
    "{name} is {wide}x{high} pixels, not {width}x{height} as it should be.":
        "{name} hat {wide}x{high} Pixel, nicht {width}x{height}, wie es sein sollte.",
    # What a plate is made from
    "{path} does not hold what it held when the plate was asked for.":
        "{path} enthält nicht mehr, was darin war, als die Plate verlangt wurde.",
    "A plate and its mask go together; there is no {lacking}.":
        "Plate und Maske gehören zusammen; es fehlt: {lacking}.",
    "A plate that is painted into keeps its colours, its size, its form and its numbers.":
        "Eine Plate, in die gemalt wird, behält Farben, Größe, Form und Nummern.",
    "A lock would move the pixels that are to be kept; the plate has the scene's camera already.":
        "Fixieren würde die Pixel bewegen, die bleiben sollen; die Plate hat die Kamera der Szene schon.",
    "There is nothing to be seen around a plate that is given, so there can be no overscan.":
        "Um eine gegebene Plate herum ist nichts zu sehen, also gibt es keinen Overscan.",
    "The mask {name} holds values that are not numbers.": "Die Maske {name} enthält Werte, die keine Zahlen sind.",
    "The mask {name} is a JPEG, in which black is not quite black.":
        "Die Maske {name} ist ein JPEG, in dem Schwarz nicht ganz schwarz ist.",
    "The mask {name} has no picture for frame {frame}.": "Die Maske {name} hat kein Bild für Einzelbild {frame}.",
    "The plate's pictures hold {kinds}.": "Die Bilder der Plate enthalten {kinds}.",
    "The plate holds {kind} values, which 8-bit PNG frames cannot give back.":
        "Die Plate enthält Werte der Art {kind}, die PNG mit 8 Bit nicht wiedergeben kann.",
    "{name} is in {space}: one frame would hold two colour spaces.":
        "{name} ist in {space}: Ein Einzelbild hätte zwei Farbräume.",
    "{name} says that its colours are not Rec.709's: one frame would hold two colour spaces.":
        "{name} sagt, seine Farben seien nicht die von Rec.709: Ein Einzelbild hätte zwei Farbräume.",
    "{name} holds values that are not numbers where it is to be kept.":
        "{name} enthält Werte, die keine Zahlen sind, wo es bleiben soll.",
    "{model} does not paint into a plate.": "{model} malt nicht in eine Plate.",
    "{model} starts from a picture.": "{model} fängt mit einem Bild an.",
    "{model} starts from no picture.": "{model} fängt mit keinem Bild an.",
    "{model} cannot run here: {why}": "{model} läuft hier nicht: {why}",
    "What {name} says of its camera cannot be read.": "Was {name} über seine Kamera sagt, ist nicht zu lesen.",
    "{name} is {wide}x{high}, not the shape of its camera's {width}x{height}.":
        "{name} ist {wide}x{high}, nicht von der Form seiner Kamera, {width}x{height}.",
    "{name} lacks {rim} of its side at the rim of what the model must see.":
        "{name} fehlen {rim} seiner Seite am Rand dessen, was das Modell sehen muss.",
    "{name} shows less than the model must see: its rim is {rim} of mirror image.":
        "{name} zeigt weniger, als das Modell sehen muss: Sein Rand ist zu {rim} gespiegelt.",
    "{name} was taken elsewhere: {metres} m and {degrees} degrees from frame {frame}.":
        "{name} ist anderswo entstanden: {metres} m und {degrees} Grad von Einzelbild {frame} entfernt.",
    "There is no guide to take {kind} from.": "Es gibt keine Vorlage, aus der {kind} zu nehmen wäre.",
    "{folder} has no depth for any frame from {first} to {last}.":
        "{folder} hat für kein Einzelbild von {first} bis {last} eine Tiefe.",
    "{folder} has no depth for frame {frame}.": "{folder} hat keine Tiefe für Einzelbild {frame}.",
    "{folder} has no depth for frame {frame} and others.":
        "{folder} hat keine Tiefe für Einzelbild {frame} und weitere.",
    "{folder} shows frames {had}, not {first} to {last}.":
        "{folder} zeigt die Einzelbilder {had}, nicht {first} bis {last}.",
    "{folder} was made for another camera: at frame {frame} it stands elsewhere.":
        "{folder} wurde für eine andere Kamera gemacht: In Einzelbild {frame} steht sie anderswo.",
    "{folder} has {kinds}, which this model does not know.": "{folder} hat {kinds}, was dieses Modell nicht kennt.",
    "A studio's colours need OpenColorIO, which is not installed.":
        "Eigene Farbräume brauchen OpenColorIO, das nicht installiert ist.",
    "Super-resolution needs spandrel, which is not here.": "Vergrößern braucht spandrel, das hier fehlt.",
    "The configuration has no name that is known for sRGB pictures.":
        "Die Konfiguration hat keinen bekannten Namen für Bilder in sRGB.",
    "These frames say themselves what their colours are.":
        "Diese Einzelbilder sagen selbst, welche Farben sie haben.",
    "{plate} is written in {space}, {how}by the configuration {name}.":
        "{plate} ist in {space} geschrieben, {how}nach der Konfiguration {name}.",
    "{folder} has no guide.json: it is a folder of depth, and has no {kind}.":
        "{folder} hat keine guide.json: Es ist ein Ordner mit Tiefe und hat nicht: {kind}.",
    "{name} has {count} channels ({names}), and not one of them is the depth.":
        "{name} hat {count} Kanäle ({names}), und keiner davon ist die Tiefe.",
    "{path} is not .safetensors.": "{path} ist nicht .safetensors.",
    # Models
    "The card {path} cannot be read: {why}.": "Die Karte {path} ist nicht zu lesen: {why}.",
    "The card {path} does not say its name, its files and the sha256 of each.":
        "Die Karte {path} nennt nicht Namen, Dateien und deren sha256.",
    "This SANA-WM transformer is built in another way than the published one.":
        "Dieser Transformer von SANA-WM ist anders gebaut als der veröffentlichte.",
    "{source} does not hold this network: {count} names differ, such as '{part}{name}'.":
        "{source} enthält nicht dieses Netz: {count} Namen sind anders, etwa '{part}{name}'.",
    "{part} has no '{name}*': this model cannot see the camera.":
        "{part} hat kein '{name}*': Dieses Modell sieht die Kamera nicht.",
    "{part} is of no Control-Camera model.": "{part} gehört zu keinem Modell Control-Camera.",
    "{part} is no sound tokenizer: {why}.": "{part} ist kein heiler Tokenizer: {why}.",
    "{part} joins latents into patches.": "{part} fasst Latents zu Feldern zusammen.",
    "{part} takes {count} channels{more}: it is not {kind}.": "{part} nimmt {count} Kanäle{more}: Es ist nicht {kind}.",
    "{path} holds no object.": "{path} enthält kein Objekt.",
    "{path} lies deeper than a model's files do.": "{path} liegt tiefer als die Dateien eines Modells.",
    "{path} lists no weights.": "{path} führt keine Gewichte auf.",
    "{path} points out of its folder: {where}.": "{path} zeigt aus seinem Ordner hinaus: {where}.",
    "{path}: '{name}' is to be made by {what}.": "{path}: '{name}' soll {what} erzeugen.",
    "{source}: '{part}{name}' holds values that are not numbers.":
        "{source}: '{part}{name}' enthält Werte, die keine Zahlen sind.",
    "{source}: '{part}{name}' is {shape}, but its card describes {wanted}.":
        "{source}: '{part}{name}' ist {shape}, aber seine Karte beschreibt {wanted}.",
    "{count} frames are not 4k + 1.": "{count} Einzelbilder sind nicht 4k + 1.",
    "Frames {first} to {last} are not within {count}.":
        "Die Einzelbilder {first} bis {last} liegen nicht innerhalb von {count}.",
    "There is no model called {name}.": "Ein Modell namens {name} gibt es nicht.",
    "Nothing called {name} draws a picture.": "Nichts namens {name} zeichnet ein Bild.",
    "The weights file {path} is missing.": "Die Datei {path} mit Gewichten fehlt.",
    "{path} ({size} bytes) is missing.": "{path} ({size} Bytes) fehlt.",
    "{path} is cut short: {size} of {whole} bytes.": "{path} ist gekürzt: {size} von {whole} Bytes.",
    "{path} is not the file that was fetched: its sha256 differs.":
        "{path} ist nicht die geholte Datei: Ihr sha256 ist anders.",
    "{path} is code, and a model needs none.": "{path} ist Programmcode, und ein Modell braucht keinen.",
    "{path} is neither safetensors nor JSON; files of other kinds can run code and are not opened.":
        "{path} ist weder safetensors noch JSON; andere Dateien können Code ausführen und werden nicht geöffnet.",
    "{path} is not a safetensors file; weights of other kinds can run code and are not opened.":
        "{path} ist keine safetensors-Datei; Gewichte anderer Art können Code ausführen und werden nicht geöffnet.",
    "{path} is not a sound safetensors file: {why}.": "{path} ist keine heile safetensors-Datei: {why}.",
    "{path} is not a card this version of Platewright reads.":
        "{path} ist keine Karte, die diese Version von Platewright liest.",
    "{part} was changed while it was read.": "{part} wurde geändert, während es gelesen wurde.",
    "{part} holds more than one set of weights.": "{part} enthält mehr als einen Satz Gewichte.",
    "{part} holds no safetensors.": "{part} enthält keine safetensors.",
    "{source} does not hold this network: {why}.": "{source} enthält nicht dieses Netz: {why}.",
    "{part}: the weights do not fit config.json: {why}": "{part}: Die Gewichte passen nicht zu config.json: {why}",
    "{part}: {why} does not fit config.json.": "{part}: {why} passt nicht zu config.json.",
    "{source}: '{name}' holds values that are not numbers.":
        "{source}: '{name}' enthält Werte, die keine Zahlen sind.",
    "{path}: '{name}' would run code of the model's own.":
        "{path}: '{name}' würde eigenen Code des Modells ausführen.",
    "NVIDIA's guardrail, without which this model may not be run, refuses the pictures.":
        "NVIDIAs Filter, ohne den dieses Modell nicht laufen darf, lehnt die Bilder ab.",
    "NVIDIA's guardrail, without which this model may not be run, refuses the prompt.":
        "NVIDIAs Filter, ohne den dieses Modell nicht laufen darf, lehnt den Prompt ab.",
    "NVIDIA's guardrail cannot be opened: {why}.": "NVIDIAs Filter lässt sich nicht öffnen: {why}.",
    "The ControlNet for a guide of {kind} is not at {path}.":
        "Das ControlNet für eine Vorlage der Art {kind} ist nicht in {path}.",
    # Credentials
    "{about} does not hold: what it was signed over has changed ({what}).":
        "{about} gilt nicht: Was damit signiert war, ist anders ({what}).",
    "{about} was signed for other frames than those of the manifest.":
        "{about} wurde für andere Einzelbilder signiert als die des Manifests.",
    "{path} cannot be used: {why}.": "{path} ist nicht zu gebrauchen: {why}.",
    "The certificate is valid from {first} to {last} alone.": "Das Zertifikat gilt nur von {first} bis {last}.",
    "The plate is whole, but it is not signed. {why}": "Die Plate ist vollständig, aber nicht signiert. {why}",
    "The sheet is whole, but it is not signed. {why}": "Das Blatt ist vollständig, aber nicht signiert. {why}",
    "The claim could not be signed: {why}.": "Die Angaben ließen sich nicht signieren: {why}.",
    "Others can read the key {key}.": "Andere können den Schlüssel {key} lesen.",
    "{key} is locked with a passphrase.": "{key} ist mit einem Passwort gesperrt.",
    "{key} holds no private key in PEM form.": "{key} enthält keinen privaten Schlüssel in PEM-Form.",
    "{chain} holds no certificates in PEM form.": "{chain} enthält keine Zertifikate in PEM-Form.",
    "The first certificate of {chain} is not that of {key}.":
        "Das erste Zertifikat von {chain} ist nicht das von {key}.",
    "The key is of a kind that Content Credentials are not signed with.":
        "Mit einem Schlüssel dieser Art werden Content Credentials nicht signiert.",
    "The libraries that sign are not installed here.": "Die Bibliotheken zum Signieren sind hier nicht installiert.",
    "The library for Content Credentials is not installed here.":
        "Die Bibliothek für Content Credentials ist hier nicht installiert.",
    "Nobody knows how the frames of {plate} were made.":
        "Niemand weiß, wie die Einzelbilder von {plate} entstanden sind.",
    "{plate} is not as it was made: {why}": "{plate} ist nicht mehr, wie sie erzeugt wurde: {why}",
}
