"""German of the panel, its menus, settings and presets."""

from __future__ import annotations

PANEL = {
    "Platewright": "Platewright",
    "Settings": "Einstellungen",
    "Match": "Übereinstimmung",
    "Earlier Prompts": "Frühere Prompts",
    "Prompts you have used will be here": "Hier stehen später die benutzten Prompts",
    "no camera": "keine Kamera",
    "the camera's": "wie die Kamera",
    "{camera}, frames {frames}": "{camera}, Einzelbilder {frames}",
    "{size} at {fps} fps": "{size} mit {fps} fps",
    "Prompt: a foggy coast at dawn": "Prompt: eine neblige Küste im Morgengrauen",
    "Add to Queue": "In die Warteschlange",
    "Generate Plate": "Plate erzeugen",
    "The scene has no camera. Add one and make it the scene's camera.":
        "Die Szene hat keine Kamera. Eine hinzufügen und zur Kamera der Szene machen.",
    "{name} is not a camera. Choose one in the scene's properties.":
        "{name} ist keine Kamera. In den Eigenschaften der Szene eine wählen.",
    "There is no runtime yet, which runs the models. Install or name one in the preferences.":
        "Es fehlt noch die Laufzeitumgebung, in der die Modelle laufen. Sie wird in den Benutzereinstellungen "
        "installiert oder angegeben.",
    "Nobody knows the model {model}. Choose another one.": "Das Modell {model} ist nicht bekannt. Ein anderes wählen.",
    "This model cannot run here: {why} Choose another one.":
        "Dieses Modell kann hier nicht laufen: {why} Ein anderes wählen.",
    "This model is not on this machine yet. Download it, or choose another.":
        "Dieses Modell ist noch nicht auf diesem Rechner. Herunterladen oder ein anderes wählen.",
    "{model}: Download...": "{model}: Herunterladen...",
    "Download Model": "Modell herunterladen",
    "Download": "Herunterladen",
    "Download this model's weights for the runtime, after its size and its terms are shown":
        "Die Gewichte dieses Modells für die Laufzeitumgebung herunterladen, nachdem Größe und Bedingungen zu lesen "
        "waren",
    "Which model; empty is the chosen one": "Welches Modell; leer ist das gewählte",
    "I Accept the Terms": "Ich stimme den Bedingungen zu",
    "The licence of the weights was read and is agreed to":
        "Die Lizenz der Gewichte ist gelesen, und ihr wird zugestimmt",
    "Downloads about {size:.3g} GB; {free:.0f} GB are free.":
        "Lädt etwa {size:.3g} GB herunter; {free:.0f} GB sind frei.",
    "Its size is known once it is asked for; {free:.0f} GB are free.":
        "Die Größe ist erst nach der Anfrage bekannt; {free:.0f} GB sind frei.",
    "{stage}: {done:.1f} of {total:.1f} GB": "{stage}: {done:.1f} von {total:.1f} GB",
    "Stop the download; what has arrived is kept for the next one":
        "Das Herunterladen anhalten; was angekommen ist, bleibt für das nächste Mal",
    "The download was cancelled; what has arrived is kept for the next one.":
        "Das Herunterladen wurde abgebrochen; was angekommen ist, bleibt für das nächste Mal.",
    "Allow Online Access under System in Blender's preferences, or ask whoever keeps this machine.":
        "In Blenders Benutzereinstellungen unter System den Onlinezugriff erlauben, oder fragen, wer diesen Rechner "
        "betreut.",
    "There is nothing to download for the model {name}.": "Für das Modell {name} gibt es nichts herunterzuladen.",
    "Choose another one, or press Check in the preferences.":
        "Ein anderes wählen, oder in den Benutzereinstellungen Prüfen drücken.",
    "The terms of this model are not accepted.": "Den Bedingungen dieses Modells ist nicht zugestimmt.",
    "Read them, and tick that they are accepted.": "Sie lesen und ankreuzen, dass ihnen zugestimmt wird.",
    "Another model is being downloaded.": "Ein anderes Modell wird gerade heruntergeladen.",
    "The download of {model} ended without an answer: {why}":
        "Das Herunterladen von {model} endete ohne Antwort: {why}",
    "Download again; it goes on where it was.": "Noch einmal herunterladen; es geht weiter, wo es war.",
    "Say in the prompt what the place behind the scene looks like.":
        "Im Prompt sagen, wie der Ort hinter der Szene aussieht.",
    "Choose the picture that the model starts from, or another kind of first frame.":
        "Die Bilddatei wählen, von der das Modell ausgeht, oder ein anderes erstes Bild.",
    "Choose the plate that stays and its mask: white is painted, black stays.":
        "Die Plate, die bleibt, und ihre Maske wählen: Weiß wird gemalt, Schwarz bleibt.",
    "Save the file first: its plates go into a folder beside it.":
        "Erst die Datei speichern: Die Plates kommen in einen Ordner daneben.",
    "The output folder under Settings is not absolute. Start it with / or with //.":
        "Der Ordner unter Einstellungen ist nicht absolut. Er muss mit / oder // beginnen.",
    "; needs {amount} of memory": "; braucht {amount} Speicher",
    "About {time}, by one earlier plate": "Etwa {time}, nach einer früheren Plate",
    "About {time}, by {count} earlier plates": "Etwa {time}, nach {count} früheren Plates",
    "Time: not known yet": "Dauer: noch nicht bekannt",
    "Water, clouds and people move at {speed:.3g} times their speed; the camera is exact.":
        "Wasser, Wolken und Menschen laufen mit {speed:.3g}-facher Geschwindigkeit; die Kamera stimmt genau.",
    "Model": "Modell",
    "Draft (embedded)": "Entwurf (mitgeliefert)",
    "Grid (layout)": "Gitter (Layout)",
    "For finals": "Für fertige Bilder",
    "For drafts": "Für Entwürfe",
    "For layout": "Für Layout",
    "Commercial use: yes": "Kommerzielle Nutzung: ja",
    "Commercial use: under conditions": "Kommerzielle Nutzung: bedingt",
    "Commercial use: no": "Kommerzielle Nutzung: nein",
    "Licence: not known yet": "Lizenz: noch nicht bekannt",
    "Not in: {place}": "Nicht in: {place}",
    "Asking the runtime for more...": "Fragt die Laufzeitumgebung nach weiteren...",
    "Check the runtime for more": "Weitere nach Prüfung der Laufzeitumgebung",
    "The runtime says which licence a model has, what it needs and what it takes.":
        "Die Laufzeitumgebung sagt, welche Lizenz ein Modell hat, was es braucht und was es nimmt.",
    "Cannot run here: {why}": "Kann hier nicht laufen: {why}",
    "Needs {amount} of the device's memory.": "Braucht {amount} vom Speicher des Geräts.",
    "Takes {all}.": "Nimmt {all}.",
    "the camera": "die Kamera",
    "a prompt": "einen Prompt",
    "a first frame, which it needs": "ein erstes Bild, das es braucht",
    "a first frame": "ein erstes Bild",
    "a guide from the scene's geometry": "eine Vorlage aus der Szenengeometrie",
    "a plate and a mask to paint into": "eine Plate und eine Maske zum Hineinmalen",
    "Guide from the Scene": "Szene als Vorlage",
    "Draft": "Entwurf",
    "Shot": "Shot",
    "Final": "Endergebnis",
    "The place and the move in a short time: the embedded model at half the size":
        "Ort und Kamerafahrt in kurzer Zeit: das mitgelieferte Modell in halber Größe",
    "To work with: the best model that runs here at full size, with half of its steps":
        "Zum Arbeiten: das beste Modell, das hier läuft, in voller Größe mit halb so vielen Schritten",
    "To keep: the best model that runs here at full size and with all its steps, the best of 4 tries":
        "Zum Behalten: das beste Modell, das hier läuft, in voller Größe mit allen Schritten, der beste von 4 "
        "Versuchen",
    "Choose Model": "Modell wählen",
    "Make plates with this model": "Plates mit diesem Modell erzeugen",
    "Name of the model, as the worker declares it": "Name des Modells, wie es die Laufzeitumgebung meldet",
    "Use Preset": "Voreinstellung verwenden",
    "Preset": "Voreinstellung",
    "Set model, steps, size and tries for what the plate is wanted for":
        "Modell, Schritte, Größe und Versuche nach dem Zweck der Plate setzen",
    "What the plate is wanted for": "Wofür die Plate gebraucht wird",
    "Roll Seed": "Startwert würfeln",
    "Draw another seed, for another place of the same kind":
        "Einen anderen Startwert ziehen, für einen anderen Ort der gleichen Art",
    "Choose Prompt": "Prompt wählen",
    "Take this prompt again": "Diesen Prompt wieder verwenden",
    "Number": "Nummer",
    "Which one, the newest is 0": "Welcher; der neueste ist 0",
    "Forget All": "Alle vergessen",
    "Forget all prompts of earlier; they are kept for you alone and in no .blend":
        "Alle früheren Prompts vergessen; sie sind nur hier gespeichert und in keiner .blend-Datei",
    "OpenEXR": "OpenEXR",
    "Half float, scene-linear Rec.709": "Half Float, szenenlineares Rec.709",
    "PNG": "PNG",
    "8 bit sRGB, smaller": "8 Bit sRGB, kleiner",
    "Automatic": "Automatisch",
    "The graphics card where there is one, else the processor": "Die Grafikkarte, wo es eine gibt, sonst der Prozessor",
    "Processor": "Prozessor",
    "Run on the processor even if there is a graphics card":
        "Auf dem Prozessor rechnen, auch wenn es eine Grafikkarte gibt",
    "CUDA": "CUDA",
    "Run on the first CUDA device or fail": "Auf dem ersten CUDA-Gerät rechnen oder abbrechen",
    "Metal": "Metal",
    "Run on the Apple graphics processor or fail": "Auf dem Grafikprozessor von Apple rechnen oder abbrechen",
    "As much on the device as has room there, by what the device has free":
        "So viel auf das Gerät, wie dort gerade frei ist",
    "All on the Device": "Alles auf dem Gerät",
    "The fastest: every part of the model is on the device":
        "Am schnellsten: Jeder Teil des Modells liegt auf dem Gerät",
    "Part by Part": "Teil für Teil",
    "Each part is on the device while it works; the same pictures, a bit slower":
        "Jeder Teil liegt auf dem Gerät, während er arbeitet; gleiche Bilder, etwas langsamer",
    "Block by Block": "Block für Block",
    "The leanest with the same pictures: blocks come while they are needed":
        "Am sparsamsten bei gleichen Bildern: Blöcke kommen, wenn sie gebraucht werden",
    "8 Bits, Float": "8 Bit, Gleitkomma",
    "Weights rest in 8 bits of floating point: half the memory, and other pictures":
        "Gewichte ruhen in 8 Bit Gleitkomma: halber Speicher und andere Bilder",
    "8 Bits, Float, Block by Block": "8 Bit, Gleitkomma, Block für Block",
    "Both: the least memory, and other pictures": "Beides: am wenigsten Speicher und andere Bilder",
    "8 Bits, Whole": "8 Bit, Ganzzahl",
    "Weights rest in 8 bits of whole numbers: half the memory, and other pictures":
        "Gewichte ruhen in 8 Bit Ganzzahl: halber Speicher und andere Bilder",
    "8 Bits, Whole, Block by Block": "8 Bit, Ganzzahl, Block für Block",
    "Made of the prompt where the model needs a picture to start from, else none":
        "Aus dem Prompt, wo das Modell ein Bild zum Anfangen braucht, sonst keines",
    "From the Prompt": "Aus dem Prompt",
    "Made of the prompt by a text-to-image model, which knows a lens by words only":
        "Aus dem Prompt von einem Text-zu-Bild-Modell, das ein Objektiv nur aus Worten kennt",
    "Render of the Scene": "Rendern der Szene",
    "The scene's own picture, rendered meanwhile by another Blender":
        "Das Bild der Szene selbst, das inzwischen ein anderes Blender rendert",
    "Picture": "Bilddatei",
    "A file that shows what the camera sees at its first frame":
        "Eine Datei, die zeigt, was die Kamera im ersten Einzelbild sieht",
    "Prompt": "Prompt",
    "What the place behind the scene looks like, in a few words":
        "Wie der Ort hinter der Szene aussieht, in wenigen Worten",
    "Negative": "Negativ",
    "What should not be seen": "Was nicht zu sehen sein soll",
    "The model that makes the plate": "Das Modell, das die Plate erzeugt",
    "Seed": "Startwert",
    "The same seed gives the same plate; another seed gives another place":
        "Gleicher Startwert, gleiche Plate; ein anderer Startwert ergibt einen anderen Ort",
    "Lock Seed": "Startwert festhalten",
    "Keep the seed: the same settings give the same plate. Otherwise each press draws another":
        "Den Startwert behalten: Gleiche Einstellungen ergeben die gleiche Plate. Sonst zieht jeder Druck einen neuen",
    "Size": "Größe",
    "Size of the plate as a share of the render's; smaller is quicker":
        "Größe der Plate als Anteil der Rendergröße; kleiner geht schneller",
    "Memory": "Speicher",
    "How a large model shares the graphics card's memory":
        "Wie sich ein großes Modell den Speicher der Grafikkarte teilt",
    "Steps": "Schritte",
    "Sampling steps: more are slower and finer. 0 takes what the model recommends":
        "Sampling-Schritte: Mehr sind langsamer und feiner. 0 nimmt, was das Modell empfiehlt",
    "Own Guidance": "Eigene Prompttreue",
    "Choose the guidance here instead of taking what the model recommends":
        "Die Prompttreue hier wählen, statt die zu nehmen, die das Modell empfiehlt",
    "Guidance": "Prompttreue",
    "How strictly the prompt is followed": "Wie streng der Prompt befolgt wird",
    "Format": "Format",
    "File format of the frames": "Dateiformat der Einzelbilder",
    "Device": "Gerät",
    "Where the model runs": "Wo das Modell rechnet",
    "Check": "Prüfen",
    "Measure how well the plate follows the camera, in pixels": "Messen, wie gut die Plate der Kamera folgt, in Pixeln",
    "Lock": "Fixieren",
    "Correct the plate until it follows the camera, as far as its pictures allow":
        "Die Plate korrigieren, bis sie der Kamera folgt, soweit ihre Bilder es erlauben",
    "Own Overscan": "Eigener Overscan",
    "Choose the overscan here instead of taking what this model's drift asks for":
        "Den Overscan hier wählen, statt den zu nehmen, den die Drift des Modells verlangt",
    "Overscan": "Overscan",
    "How much more than the camera's view is made, as a share of it, so that a lock uncovers no edge":
        "Wie viel mehr als der Kameraausschnitt erzeugt wird, als Anteil davon, damit das Fixieren keinen Rand "
        "aufdeckt",
    "Tries": "Versuche",
    "Make so many plates, with one seed after the other; the one that follows best is shown":
        "So viele Plates erzeugen, ein Startwert nach dem anderen; gezeigt wird die, die am besten folgt",
    "Scene Geometry": "Szenengeometrie",
    "Let the scene's ground, sun and depth guide the plate, and measure it in the scene's own metres":
        "Boden, Sonne und Tiefe der Szene leiten die Plate, und sie wird in den Metern der Szene gemessen",
    "First Frame": "Erstes Bild",
    "The picture that the model starts from": "Das Bild, von dem das Modell ausgeht",
    "What the camera sees at its first frame; a picture of `platewright still` says so itself":
        "Was die Kamera im ersten Einzelbild sieht; ein Bild von `platewright still` sagt das selbst",
    "Paint into a Plate": "In eine Plate malen",
    "Keep frames that are there and let the model paint only where a mask is white":
        "Vorhandene Einzelbilder behalten und das Modell nur dort malen lassen, wo eine Maske weiß ist",
    "Plate": "Plate",
    "Folder of the frames that stay, numbered like the scene's; a lock is left out with them":
        "Ordner der Einzelbilder, die bleiben, nummeriert wie die der Szene; fixiert wird dann nicht",
    "Mask": "Maske",
    "One picture, or a folder of one per frame: white is painted, black stays bit for bit":
        "Ein Bild oder ein Ordner mit einem je Einzelbild: Weiß wird gemalt, Schwarz bleibt Bit für Bit",
    "Folder": "Ordner",
    "Folder that receives the plate's versions; empty takes the one in the preferences":
        "Ordner für die Versionen der Plate; leer heißt: der aus den Benutzereinstellungen",
    "Name": "Name",
    "Name of the plate; {camera} and {scene} are filled in. Empty takes the camera's":
        "Name der Plate; {camera} und {scene} werden eingesetzt. Leer heißt: der Name der Kamera",
    "Folder of the plate that was made last for this scene":
        "Ordner der Plate, die für diese Szene zuletzt erzeugt wurde",
}
