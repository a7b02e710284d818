"""German of what the core advises where a plate, a picture or a model is wrong."""

from __future__ import annotations

HINTS = {
    # Worker and runtime
    "The log says more; starting the job again continues it.":
        "Das Protokoll sagt mehr; noch einmal gestartet geht der Auftrag weiter.",
    "Name a real Python interpreter, not a script that wraps one.":
        "Ein echtes Python angeben, kein Skript, das eines aufruft.",
    "Try a smaller size or fewer frames.": "Eine kleinere Größe oder weniger Einzelbilder versuchen.",
    "Try again; if it stays, restart the computer.": "Noch einmal versuchen; bleibt es so, den Rechner neu starten.",
    "Install another runtime.": "Eine andere Laufzeitumgebung installieren.",
    "Let installations finish, check the model's files, then start the job again.":
        "Laufende Installationen abwarten, die Dateien des Modells prüfen, dann den Auftrag noch einmal starten.",
    "Close other programs, or try a smaller size or fewer frames; starting the job again continues it.":
        "Andere Programme schließen oder eine kleinere Größe oder weniger Einzelbilder versuchen; noch einmal "
        "gestartet geht der Auftrag weiter.",
    "Starting the job again continues it.": "Noch einmal gestartet geht der Auftrag weiter.",
    "Repair the runtime, then try again.": "Die Laufzeitumgebung reparieren, dann noch einmal.",
    "{hint} Log: {path}": "{hint} Protokoll: {path}",
    "Close other programs, or choose a smaller size or fewer frames. Log: {path}":
        "Andere Programme schließen, eine kleinere Größe oder weniger Einzelbilder wählen. Protokoll: {path}",
    "Choose a smaller size or fewer frames, or close other programs that use the device.":
        "Eine kleinere Größe oder weniger Einzelbilder wählen oder andere Programme schließen, die das Gerät benutzen.",
    "A second try in a fresh process ended the same way. {hint}":
        "Ein zweiter Versuch in einem neuen Prozess endete genauso. {hint}",
    "Update the runtime.": "Die Laufzeitumgebung aktualisieren.",
    "Update the extension.": "Die Erweiterung aktualisieren.",
    "See {path}.": "Siehe {path}.",
    "Choose another folder for jobs, or wait for the job that uses this one.":
        "Einen anderen Ordner für Aufträge wählen oder auf den Auftrag warten, der diesen benutzt.",
    "Choose auto or one of: {devices}.": "Automatisch oder eines von diesen wählen: {devices}.",
    "Leave +{name} out of the preset.": "+{name} in der Voreinstellung weglassen.",
    "{hint} It needs Triton, or a C++ compiler.": "{hint} Nötig ist Triton oder ein C++-Compiler.",
    "This is a fault of the model's back-end.": "Das ist ein Fehler in der Anbindung des Modells.",
    # Camera, frames and size
    "Choose another place.": "Einen anderen Ort wählen.",
    "Ask for frames that the camera file has, first one first.":
        "Einzelbilder verlangen, die der Kamerapfad hat, das erste zuerst.",
    "Make one plate per shot: `platewright shots` lists them, --shots all makes them.":
        "Eine Plate je Shot erzeugen: unter Shots.",
    "Choose a resolution from 1 to {most} on both sides.": "Für beide Seiten eine Auflösung von 1 bis {most} wählen.",
    "Choose a range of at least one frame.": "Einen Bereich von mindestens einem Einzelbild wählen.",
    "Each side must be {least} to {most} pixels.": "Jede Seite muss {least} bis {most} Pixel haben.",
    "Give at least {count} frames.": "Mindestens {count} Einzelbilder verlangen.",
    "Give the camera of these very frames, numbered alike.":
        "Die Kamera genau dieser Einzelbilder verwenden, gleich nummeriert.",
    "Lock with the camera file that the frames were checked with.":
        "Mit der Kamera fixieren, mit der die Einzelbilder geprüft wurden.",
    "Lock the very frames that were checked.": "Genau die Einzelbilder fixieren, die geprüft wurden.",
    "Mask what moves, or make the plate again with more texture.":
        "Maskieren, was sich bewegt, oder die Plate mit mehr Struktur noch einmal erzeugen.",
    "Give a mask with --region; white is pinned.": "Eine Maske angeben; Weiß wird festgehalten.",
    "Paint the mask over something with texture that does not move.":
        "Die Maske über etwas mit Struktur malen, das sich nicht bewegt.",
    "Generate with --overscan {overscan}, or let the rim be filled.":
        "Overscan auf {overscan} stellen oder den Rand füllen lassen.",
    "No shot has frames {first} to {last}.": "Kein Shot hat die Einzelbilder {first} bis {last}.",
    "Choose a frame of the shot, or null for its middle one.": "Ein Einzelbild des Shots wählen.",
    "There are {shots}.": "Es gibt {shots}.",
    "See `platewright shots camera.json`.": "Die Shots stehen unter Shots.",
    "Use draft, or grid for the layout alone.": "Draft verwenden, oder Grid allein für den Aufbau.",
    "Give {least} to {most} frames per second, or `model` for the model's own.":
        "{least} bis {most} Einzelbilder pro Sekunde angeben, oder die des Modells.",
    "Leave --retime out.": "Die Umrechnung der Bildrate weglassen.",
    "Give more frames, or a higher rate.": "Mehr Einzelbilder oder eine höhere Bildrate verlangen.",
    "Hold the last pose until they are.": "Die letzte Stellung halten, bis sie es sind.",
    # Plates and folders
    "Ask for what the plate has: its other frames are copied.":
        "Verlangen, was die Plate hat: Ihre übrigen Einzelbilder werden kopiert.",
    "Widen the range until it meets the plate.": "Den Bereich erweitern, bis er an die Plate anschließt.",
    "Wait until it ends, or make a new version.": "Warten, bis er endet, oder eine neue Version erzeugen.",
    "Choose a shorter one.": "Einen kürzeren wählen.",
    "Remove it, or choose another name.": "Ihn entfernen oder einen anderen Namen wählen.",
    "Choose another version, or leave it out.": "Eine andere Version wählen oder keine angeben.",
    "Leave the version out, or continue this job with --resume.":
        "Keine Version angeben oder noch einmal erzeugen: Es geht weiter.",
    "Use letters and digits.": "Buchstaben und Ziffern verwenden.",
    "{name} can.": "{name} ginge.",
    "Fetch the plate again, or make all of it anew.": "Die Plate neu holen oder ganz neu erzeugen.",
    "Continue its job with --resume, or fetch the folder again from where it was made.":
        "Noch einmal erzeugen, dann geht es weiter, oder den Ordner noch einmal von seinem Ursprung holen.",
    "Make the plate again, without --resume.": "Die Plate ganz neu erzeugen.",
    "Copy it again.": "Noch einmal kopieren.",
    "Fetch the plate again; `platewright verify` tells what else is wrong with it.":
        "Die Plate neu holen; Verifizieren sagt, was ihr sonst noch fehlt.",
    "Give a plate, or a folder of exr, png or jpg with a frame number in each name: shot.1001.exr.":
        "Eine Plate angeben oder einen Ordner mit EXR, PNG oder JPG, jedes mit der Nummer im Namen: shot.1001.exr.",
    "Give each sequence a folder of its own, with nothing else that is numbered in it.":
        "Jeder Sequenz einen eigenen Ordner geben, in dem sonst nichts nummeriert ist.",
    "Its whole frames are kept; resume the job to make the others.":
        "Fertige Einzelbilder bleiben; noch einmal erzeugen, dann kommen die übrigen.",
    "Plan again.": "Noch einmal planen.",
    "Check the folder's permissions.": "Die Rechte des Ordners prüfen.",
    "Bring all pictures of the sequence, and its mask, to one size.":
        "Alle Bilder der Sequenz und ihre Maske auf eine Größe bringen.",
    "Give a plate or a folder of frames.": "Eine Plate oder einen Ordner mit Einzelbildern angeben.",
    "Give the folder that holds the frames.": "Den Ordner mit den Einzelbildern angeben.",
    "Give the folder of a plate: name_v001.": "Den Ordner einer Plate angeben: name_v001.",
    "Make a plate with `generate` first.": "Erst eine Plate erzeugen.",
    "Ask for --frames {first}-{last}, or name a picture of frame {frame} by --first-frame.":
        "Die Einzelbilder {first}-{last} verlangen oder ein Bild von Einzelbild {frame} als erstes Bild angeben.",
    "Name it again: a plate remembers what a file held, not where it lay.":
        "Noch einmal angeben: Eine Plate merkt sich, was in einer Datei war, nicht wo sie lag.",
    # What a plate is made from
    "Check the path, and that this machine has the disk.":
        "Den Pfad prüfen, und ob dieser Rechner die Festplatte hat.",
    "Check the permissions of its files.": "Die Rechte seiner Dateien prüfen.",
    "Ask for the plate again, or bring the old files back.":
        "Die Plate noch einmal verlangen oder die alten Dateien zurückbringen.",
    "Give --plate and --mask: white is painted, black is kept.":
        "Plate und Maske angeben: Weiß wird gemalt, Schwarz bleibt.",
    "Leave the lock off: --no-lock, or no word of it.": "Fixieren ausschalten.",
    "Leave --overscan out.": "Den Overscan weglassen.",
    "Number its pictures like the scene's frames, or ask for fewer with --frames.":
        "Die Bilder wie die Einzelbilder der Szene nummerieren oder weniger davon verlangen.",
    "Number its pictures like the frames, or give one picture.":
        "Die Bilder wie die Einzelbilder nummerieren oder ein einziges angeben.",
    "Give PNG or EXR. {rule}": "PNG oder EXR angeben. {rule}",
    "Give one kind of {kinds}.": "Eine Art davon angeben: {kinds}.",
    "Ask for --format exr.": "EXR als Format wählen.",
    "Convert the plate to Linear Rec.709.": "Die Plate nach Linear Rec.709 umwandeln.",
    "Mend the plate, or paint over them. {rule}": "Die Plate berichtigen oder sie übermalen. {rule}",
    "Leave space, overscan, compression, frame offset and upscaling out.":
        "Farbraum, Overscan, Kompression, Versatz der Nummern und Vergrößern weglassen.",
    "Give the plate's whole folder with the configuration that it names, or convert the file to ACEScg.":
        "Den ganzen Ordner der Plate mit der Konfiguration angeben, die sie nennt, oder die Datei nach ACEScg "
        "umwandeln.",
    "Give that configuration: --ocio config.ocio.": "Diese Konfiguration angeben.",
    "Leave --ocio out: it is for plates in a studio's own space.":
        "Keine Konfiguration angeben: Sie ist für Plates in einem eigenen Farbraum.",
    "Name spaces, displays and views as the configuration does.":
        "Farbräume, Displays und Views so nennen wie die Konfiguration.",
    "Name it with --ocio-source.": "Ihn angeben.",
    "Install it beside Platewright: pip install opencolorio.":
        "Neben Platewright installieren: pip install opencolorio.",
    "Install it beside Platewright: pip install --no-deps spandrel==0.4.2 einops==0.8.2.":
        "Neben Platewright installieren: pip install --no-deps spandrel==0.4.2 einops==0.8.2.",
    "Other files can run programs: convert it.": "Andere Dateien können Programme ausführen: umwandeln.",
    "Give a super-resolution model as safetensors.": "Ein Modell zum Vergrößern als safetensors angeben.",
    "Give a model that makes RGB pictures larger.": "Ein Modell angeben, das RGB-Bilder vergrößert.",
    "Name a picture of what the camera sees at its first frame, such as a render, or have one made.":
        "Ein Bild angeben, das zeigt, was die Kamera im ersten Einzelbild sieht, etwa ein Rendering, oder eines "
        "erzeugen lassen.",
    "Choose one that does: see `platewright models`.": "Ein Modell wählen, das es tut.",
    "Leave the first frame out.": "Das erste Bild weglassen.",
    "Give a picture.": "Ein Bild angeben.",
    "Render it again, or save it without its texts.": "Es noch einmal rendern oder ohne seine Texte speichern.",
    "Render frame {frame} again: the camera has changed.":
        "Einzelbild {frame} noch einmal rendern: Die Kamera ist anders.",
    "{advice}; or leave --overscan out.": "{advice}; oder den Overscan weglassen.",
    "Render what it sees: `platewright still SHOT.blend --model {model} -o FILE.png`, same size and overscan":
        "Mit `platewright still SHOT.blend --model {model} -o BILD.png` rendern, was sie sieht, in gleicher Größe und "
        "mit gleichem Overscan",
    "Type it again.": "Noch einmal eintippen.",
    "Remove it.": "Entfernen.",
    # Guides
    "Make it again with `platewright guide`.": "Mit `platewright guide` noch einmal erzeugen.",
    "It has {kinds}. Make it again with `platewright guide --kinds`.":
        "Sie hat {kinds}. Mit `platewright guide --kinds` noch einmal erzeugen.",
    "It knows {kinds}.": "Es kennt {kinds}.",
    "Make the guide for all frames.": "Die Vorlage für alle Einzelbilder erzeugen.",
    "Make the guide again for this camera.": "Die Vorlage für diese Kamera noch einmal erzeugen.",
    "Name the folder with --guide; `platewright guide` makes one.":
        "Den Ordner angeben; `platewright guide` erzeugt eine.",
    "Make one with `platewright guide`.": "Mit `platewright guide` eine erzeugen.",
    "Write planar depth in metres as the only channel, or call it Z.":
        "Planare Tiefe in Metern als einzigen Kanal schreiben oder ihn Z nennen.",
    "Render it again.": "Noch einmal rendern.",
    "Render the depth of each frame.": "Die Tiefe jedes Einzelbilds rendern.",
    "Name the folder with an EXR of planar depth per frame.":
        "Den Ordner mit einem EXR planarer Tiefe je Einzelbild angeben.",
    "Name each EXR by its scene frame: depth.1001.exr.":
        "Jedes EXR nach seinem Einzelbild nennen: depth.1001.exr.",
    "Name one EXR per frame by its number: depth.1001.exr.":
        "Je Einzelbild ein EXR nach seiner Nummer nennen: depth.1001.exr.",
    # Models
    "Known: {names}.": "Bekannt: {names}.",
    "See `platewright models`.": "Ein anderes Modell wählen.",
    "Fetch the model again (`platewright models pull`), or restore the folder as it was published.":
        "Das Modell neu holen (`platewright models pull`) oder den Ordner so herstellen, wie er veröffentlicht ist.",
    "Restore the file from the repository or the extension's zip, or fetch the model again.":
        "Die Datei aus dem Zip der Erweiterung wiederherstellen oder das Modell neu holen.",
    "Convert it to safetensors on a machine you do not mind losing, or fetch the model again.":
        "Auf einem Rechner, um den es nicht schade ist, nach safetensors umwandeln oder das Modell neu holen.",
    "Download: put {name}.json and the files that it names into one of these folders.":
        "Herunterladen: {name}.json und die Dateien, die darin stehen, in einen dieser Ordner legen.",
    "Take it out of the folder.": "Aus dem Ordner nehmen.",
    "Take it out, or convert weights to safetensors on a machine apart.":
        "Herausnehmen, oder Gewichte auf einem eigenen Rechner nach safetensors umwandeln.",
    "Leave one of them.": "Eine davon übrig lassen.",
    "Let the installation end, then start again.": "Die Installation abwarten, dann noch einmal starten.",
    "Take the folder that holds tokenizer.json: the fast form of the same tokenizer.":
        "Den Ordner mit tokenizer.json nehmen: die schnelle Form desselben Tokenizers.",
    "Name the folder of the right model.": "Den Ordner des richtigen Modells angeben.",
    "Name the folder that holds the model.": "Den Ordner angeben, in dem das Modell liegt.",
    "Name the folder of a Wan-Fun Control-Camera model.":
        "Den Ordner eines Modells Wan-Fun Control-Camera angeben.",
    "Fetch a model whose name ends in Control-Camera.": "Ein Modell holen, dessen Name auf Control-Camera endet.",
    "Take the scheduler of Wan-AI's own folder.": "Den Scheduler aus dem Ordner von Wan-AI nehmen.",
    "Use the published model.": "Das veröffentlichte Modell verwenden.",
    "Fetch it with `platewright models pull {model}`, or take a guide of another kind.":
        "Mit `platewright models pull {model}` holen oder eine Vorlage anderer Art nehmen.",
    "Install them, or choose another model.": "Sie installieren oder ein anderes Modell wählen.",
    "It fetches weights of its own: check the network, and that their terms are accepted.":
        "Er holt eigene Gewichte: Netz prüfen, und ob ihren Bedingungen zugestimmt ist.",
    "Try other words, or another device.": "Andere Worte oder ein anderes Gerät versuchen.",
    # Credentials
    "`platewright verify` tells all; sign the plate as it was.":
        "Verifizieren sagt alles; die Plate signieren, wie sie war.",
    "Only plates that a model made here can be signed.":
        "Nur Plates, die hier ein Modell erzeugt hat, lassen sich signieren.",
    "Fetch it again.": "Neu holen.",
    "Install it: {command}": "Installieren: {command}",
    "Install them: {command}": "Installieren: {command}.",
    "The plate is whole without it; sign it later: `platewright sign`.":
        "Die Plate ist auch so vollständig; später signieren: `platewright sign`.",
    "Choose the key again with `platewright credentials use`.":
        "Den Schlüssel mit `platewright credentials use` neu wählen.",
    "Make one with `platewright credentials new-key`, or name yours with `platewright credentials use`.":
        "Mit `platewright credentials new-key` einen erzeugen oder mit `platewright credentials use` den eigenen "
        "angeben.",
    "Give a key file without a passphrase, readable by you alone.":
        "Eine Schlüsseldatei ohne Passwort angeben, die sonst niemand lesen kann.",
    "Close it: chmod 600 {key}": "Verschließen: chmod 600 {key}",
    "Give a plate, or a folder of its frames.": "Eine Plate oder einen Ordner ihrer Einzelbilder angeben.",
    "Give the folder it is delivered to.": "Den Ordner angeben, in den geliefert wird.",
}
