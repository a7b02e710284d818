"""German of what the core and the installer say most often in Blender; the rest of it is shown in its English."""

from __future__ import annotations

CORE = {
    "Cancelled.": "Abgebrochen.",
    "The camera has a scale of zero.": "Die Kamera hat eine Skalierung von null.",
    "Give it and its parents a scale.": "Ihr und ihren übergeordneten Objekten eine Skalierung geben.",
    "The camera is sheared by a parent's uneven scale.":
        "Die Kamera ist durch die ungleiche Skalierung eines übergeordneten Objekts geschert.",
    "The camera is mirrored by a negative scale.": "Die Kamera ist durch eine negative Skalierung gespiegelt.",
    "Select the camera and its parents and apply their scale (Object > Apply > Scale).":
        "Die Kamera und ihre übergeordneten Objekte auswählen und ihre Skalierung anwenden (Objekt > Anwenden > "
        "Skalierung).",
    "Look at the camera's animation and constraints at this frame.":
        "Animation und Bedingungen der Kamera in diesem Einzelbild ansehen.",
    "Change the focal length or the sensor size.": "Brennweite oder Sensorgröße ändern.",
    "There is not enough memory for this plate.": "Für diese Plate reicht der Speicher nicht.",
    "Choose a smaller size or fewer frames, or a machine with more memory.":
        "Eine kleinere Größe, weniger Einzelbilder oder einen Rechner mit mehr Speicher wählen.",
    "Close other programs, or choose fewer frames or a device with more memory.":
        "Andere Programme schließen, weniger Einzelbilder oder ein Gerät mit mehr Speicher wählen.",
    "Restart Blender or the worker.": "Blender neu starten.",
    "This machine ran out of memory, and the system ended the worker.":
        "Diesem Rechner ging der Speicher aus, und das System hat den Prozess mit dem Modell beendet.",
    "Start the job again; it continues.": "Den Auftrag noch einmal starten; er geht weiter.",
    "The worker closed its output.": "Der Prozess mit dem Modell antwortet nicht mehr.",
    "What the worker says cannot be understood.": "Was der Prozess mit dem Modell sagt, ist nicht zu verstehen.",
    "Update the extension and the runtime.": "Die Erweiterung und die Laufzeitumgebung aktualisieren.",
    "Name a working interpreter in the preferences, or install the runtime.":
        "In den Benutzereinstellungen ein Python angeben, das läuft, oder die Laufzeitumgebung installieren.",
    "Reinstall the extension.": "Die Erweiterung neu installieren.",
    "Make room on the disk, or set TMPDIR.": "Platz auf der Festplatte schaffen oder TMPDIR setzen.",
    "The log holds the details; please report it.": "Das Protokoll enthält die Einzelheiten; bitte melden.",
    "Close the player or viewer that has it open.": "Das Programm schließen, das sie geöffnet hat.",
    "Choose another output folder.": "Einen anderen Ausgabeordner wählen.",
    "Choose another folder.": "Einen anderen Ordner wählen.",
    "Choose a folder you may write to.": "Einen Ordner wählen, in den geschrieben werden darf.",
    "Choose a shorter name or a folder nearer to the root.":
        "Einen kürzeren Namen oder einen Ordner mit kürzerem Pfad wählen.",
    "Free some space or choose another disk.": "Platz schaffen oder eine andere Festplatte wählen.",
    "Free some space, then continue with --resume.": "Platz schaffen und dann noch einmal erzeugen: Es geht weiter.",
    "Check the folder's permissions, then continue with --resume.":
        "Die Rechte des Ordners prüfen und dann noch einmal erzeugen: Es geht weiter.",
    "Check that the folder and its disk are still there, then retry.":
        "Prüfen, ob der Ordner und seine Festplatte noch da sind, dann noch einmal.",
    "Check the path.": "Den Pfad prüfen.",
    "Make a new version.": "Eine neue Version erzeugen.",
    "Make room on the disk.": "Platz auf der Festplatte schaffen.",
    "Try another seed or device.": "Einen anderen Startwert oder ein anderes Gerät versuchen.",
    "Try another seed.": "Einen anderen Startwert versuchen.",
    "Try another seed or prompt.": "Einen anderen Startwert oder Prompt versuchen.",
    "Try another seed or fewer steps; on a GPU try --device cpu.":
        "Einen anderen Startwert oder weniger Schritte versuchen; mit Grafikkarte auch einmal den Prozessor.",
    "Try another seed or device, or fetch the model again.":
        "Einen anderen Startwert oder ein anderes Gerät versuchen oder das Modell neu holen.",
    "The draft model produced values that are not numbers.":
        "Das Entwurfsmodell hat Werte geliefert, die keine Zahlen sind.",
    "The model produced values that are not numbers.": "Das Modell hat Werte geliefert, die keine Zahlen sind.",
    "Say it in other words, or choose another model.": "Es anders sagen oder ein anderes Modell wählen.",
    "Say it in fewer words.": "Es in weniger Worten sagen.",
    "Say what the place looks like.": "Sagen, wie der Ort aussieht.",
    "Check the spelling.": "Die Schreibweise prüfen.",
    "The mask is black everywhere: nothing would be painted.": "Die Maske ist überall schwarz: Nichts würde gemalt.",
    "White is painted, black is kept.": "Weiß wird gemalt, Schwarz bleibt.",
    "Name a picture of what the camera sees at its first frame, such as a render.":
        "Ein Bild angeben, das zeigt, was die Kamera im ersten Einzelbild sieht, etwa ein Rendering.",
    "Render it with the very camera that the plate is for.": "Es mit genau der Kamera rendern, für die die Plate ist.",
    "Update Platewright.": "Platewright aktualisieren.",
    "Shift the scene's range; 1001 is a usual start.":
        "Den Bildbereich der Szene verschieben; 1001 ist ein üblicher Anfang.",
    "There is no key to sign with.": "Es gibt keinen Schlüssel zum Signieren.",
    # The installer
    "Linux, NVIDIA GPU (CUDA 13); works without a GPU, too": "Linux, NVIDIA-Grafikkarte (CUDA 13); läuft auch ohne",
    "Linux, processor only; from a source with such torch": "Linux, nur Prozessor; aus einer Quelle mit solchem torch",
    "macOS on Apple silicon": "macOS auf Apple-Prozessoren",
    "Windows, processor only": "Windows, nur Prozessor",
    "No NVIDIA GPU was found: models would run on the processor, slowly.":
        "Keine NVIDIA-Grafikkarte gefunden: Modelle liefen auf dem Prozessor, also langsam.",
    "Allow online access, or name an offline bundle.": "Online-Zugriff erlauben oder ein Offline-Bündel angeben.",
    "Choose another cache folder.": "Einen anderen Ordner für den Zwischenspeicher wählen.",
    "Choose another cache folder, or name another Python.":
        "Einen anderen Ordner für den Zwischenspeicher wählen oder ein anderes Python angeben.",
    "Close what uses it, Blender's jobs first, then install again.":
        "Schließen, was sie benutzt, zuerst die Aufträge in Blender, dann noch einmal installieren.",
    "Free some space, or choose another cache folder.":
        "Platz schaffen oder einen anderen Ordner für den Zwischenspeicher wählen.",
    "Free some space, then install again.": "Platz schaffen, dann noch einmal installieren.",
    "Give HTTPS_PROXY the name and password that your network asks for.":
        "HTTPS_PROXY den Namen und das Passwort geben, nach denen das Netz fragt.",
    "Install again, or name another Python.": "Noch einmal installieren oder ein anderes Python nennen.",
    "Name a mirror or a bundle that has it, or choose another kind of runtime.":
        "Einen Spiegelserver oder ein Bündel angeben, das es hat, oder eine andere Laufzeitumgebung wählen.",
    "Nothing of it was installed. Do not use this network or mirror for it; tell who runs it.":
        "Nichts davon wurde installiert. Dieses Netz oder diesen Spiegelserver nicht benutzen und es melden.",
    "A package that arrived is not the one that was locked: it was damaged on the way, or somebody changed it.":
        "Ein Paket ist nicht das festgelegte: Es wurde unterwegs beschädigt, oder jemand hat es verändert.",
    "Put name and password into the mirror's address.": "Name und Passwort in die Adresse des Servers schreiben.",
    "The details say more.": "Die Details sagen mehr.",
    "The disk is full.": "Die Festplatte ist voll.",
    "The folder cannot be written.": "In den Ordner kann nicht geschrieben werden.",
    "The package index asks who you are.": "Der Paketindex verlangt eine Anmeldung.",
    "The package index cannot be reached, or the connection was lost.":
        "Der Paketindex ist nicht zu erreichen, oder die Verbindung brach ab.",
    "The package index cannot prove who it is.": "Der Paketindex kann sich nicht ausweisen.",
    "The package index does not have what the lock names, or a login page of the network answered.":
        "Der Paketindex hat nicht, was verlangt ist, oder eine Anmeldeseite des Netzes hat geantwortet.",
    "The proxy asks for a name and a password (407).": "Der Proxy verlangt Namen und Passwort (407).",
    "A company's own certificates are trusted once SSL_CERT_FILE names them.":
        "Zertifikaten einer Firma wird vertraut, sobald SSL_CERT_FILE sie nennt.",
}
