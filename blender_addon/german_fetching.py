"""German of what goes wrong while a model is fetched, and what to do then."""

from __future__ import annotations

FETCHING = {
    "A login page of the network, perhaps: open the address in a browser, then try again.":
        "Vielleicht eine Anmeldeseite des Netzes: die Adresse in einem Browser öffnen, dann noch einmal.",
    "Agree to the model's terms at {page}, then put an access token into HF_TOKEN.":
        "Den Bedingungen des Modells auf {page} zustimmen, dann ein Zugangstoken in HF_TOKEN setzen.",
    "Check at {page} that your account may have it, and that the token is still good.":
        "Auf {page} prüfen, ob das Konto es haben darf und das Token noch gilt.",
    "Check that the folder and its disk are still there. {again}":
        "Prüfen, ob der Ordner und seine Festplatte noch da sind. {again}",
    "Check the connection and the proxy's settings. {again}":
        "Verbindung und Einstellungen des Proxys prüfen. {again}",
    "Check the path behind --from.": "Den Pfad der Quelle prüfen.",
    "Do not use this cache.": "Diesen Zwischenspeicher nicht benutzen.",
    "Do not use this network for it, or name a folder with --from.":
        "Dieses Netz nicht dafür benutzen oder einen Ordner als Quelle angeben.",
    "Do not use this source.": "Diese Quelle nicht benutzen.",
    "Fetch it into the cache on a machine that has a connection, or name another --from.":
        "Auf einem Rechner mit Verbindung in den Zwischenspeicher holen oder eine andere Quelle angeben.",
    "Free some space, or choose another disk with --to.": "Platz schaffen oder eine andere Festplatte wählen.",
    "Free some space. {again} `platewright models remove` gives back what is half there.":
        "Platz schaffen. {again} `platewright models remove` gibt frei, was halb da ist.",
    "It was moved or taken away: name a mirror or a folder with --from, or update Platewright.":
        "Es ist umgezogen oder weg: einen Spiegelserver oder Ordner angeben oder Platewright aktualisieren.",
    "Leave --from and HF_ENDPOINT out, or name a folder.":
        "Quelle und HF_ENDPOINT weglassen oder einen Ordner angeben.",
    "Name a folder with --from, or take the setting back for this one command.":
        "Einen Ordner als Quelle angeben oder die Einstellung dafür zurücknehmen.",
    "Name a source that has safetensors with --from.": "Eine Quelle angeben, die safetensors hat.",
    "Name the model's own folder, or a cache that holds models--owner--name.":
        "Den Ordner des Modells angeben oder einen Zwischenspeicher mit models--owner--name.",
    "Pin the 40 digits of a commit.": "Die 40 Ziffern eines Commits festlegen.",
    "Remove this file.": "Diese Datei entfernen.",
    "Remove this file; the model is then fetched and recorded anew.":
        "Diese Datei entfernen; das Modell wird dann neu geholt und verzeichnet.",
    "Run the same command again.": "Noch einmal holen.",
    "Run the same command again: it goes on where it stopped.":
        "Noch einmal holen: Es geht weiter, wo es aufgehört hat.",
    "Something on the way changes them: try another network, or another --from.":
        "Etwas auf dem Weg verändert sie: ein anderes Netz oder eine andere Quelle versuchen.",
    "Take it away, or fetch into another folder with --to.": "Ihn wegnehmen oder in einen anderen Ordner holen.",
    "Try again later, or another --from.": "Später noch einmal oder mit einer anderen Quelle versuchen.",
    "Try again later.": "Später noch einmal versuchen.",
    "Try another --from.": "Eine andere Quelle versuchen.",
    "Try later. {again}": "Später versuchen. {again}",
    "Whoever put it there may take it away.": "Wer es dort abgelegt hat, darf es wegnehmen.",
    "`platewright models pull NAME --from DIR` records what is there.":
        "`platewright models pull NAME --from DIR` verzeichnet, was da ist.",
    "`platewright models pull NAME` fetches what is wrong, and only that.":
        "`platewright models pull NAME` holt, was falsch ist, und nur das.",
    "`platewright models show {name}` tells them; --accept-licence says yes to them.":
        "`platewright models show {name}` zeigt sie; beim Herunterladen zustimmen.",
    "If the new one is wanted: `platewright models remove {name} --forget`, then fetch it anew.":
        "Ist das neue gewünscht: `platewright models remove {name} --forget`, dann neu holen.",
    # What happened
    "The disk of {folder} is full ({why}).": "Die Festplatte von {folder} ist voll ({why}).",
    "The host tells nonsense of {path}.": "Der Server sagt Unsinn über {path}.",
    "The source lists a file called {name}, which no model needs.":
        "Die Quelle führt eine Datei {name} auf, die kein Modell braucht.",
    "The terms of {name} are not accepted.": "Den Bedingungen von {name} ist nicht zugestimmt.",
    "This disk has no locks: whoever fetches the same model at the same time fetches it twice.":
        "Dieses Laufwerk kennt keine Sperren: Wer dasselbe Modell zugleich holt, holt es doppelt.",
    "{need} GB are still to come, and {free} GB are free in {folder}.":
        "Es fehlen noch {need} GB, und {free} GB sind frei in {folder}.",
    "{host} answered with a web page instead of {path}.": "{host} hat mit einer Webseite statt {path} geantwortet.",
    "{host} answered with something else than a list of files.":
        "{host} hat mit etwas anderem als einer Liste von Dateien geantwortet.",
    "{host} answers for {repository} with commit {found}, not {commit} as asked for.":
        "{host} antwortet für {repository} mit Commit {found}, nicht wie verlangt mit {commit}.",
    "{host} answers out of order.": "{host} antwortet in falscher Reihenfolge.",
    "{host} asks who you are, and a token goes to no host but {own}.":
        "{host} verlangt eine Anmeldung, und ein Token geht nur an {own}.",
    "{host} cannot be reached: {why}.": "{host} ist nicht zu erreichen: {why}.",
    "{name} cannot be read: {why}": "{name} ist nicht zu lesen: {why}",
    "{path} cannot be written ({why}).": "In {path} kann nicht geschrieben werden ({why}).",
    "{path} cannot be written: {why}": "In {path} kann nicht geschrieben werden: {why}",
    "{host} cannot prove who it is: {why}.": "{host} kann sich nicht ausweisen: {why}.",
    "{host} does not say which commit and files {repository} has.":
        "{host} sagt nicht, welchen Commit und welche Dateien {repository} hat.",
    "{host} does not take the token in HF_TOKEN for this.": "{host} nimmt das Token in HF_TOKEN dafür nicht an.",
    "{host} gave other bytes for {path} than its sha256 says, twice.":
        "{host} hat für {path} zweimal andere Bytes geliefert, als der sha256 sagt.",
    "{host} gives this to people it knows.": "{host} gibt das nur Leuten, die es kennt.",
    "{repository} has {name} and no safetensors: such files can run code.":
        "{repository} hat {name} und keine safetensors: Solche Dateien können Code ausführen.",
    "{host} has {name}, which is new.": "{host} hat {name}, und das ist neu.",
    "{host} holds no safetensors for {parts} of {name}.": "{host} hat keine safetensors für {parts} von {name}.",
    "{folder} holds nothing of {repository}: {names}.": "{folder} enthält nichts von {repository}: {names}.",
    "{name} is no licence's text.": "{name} ist kein Text einer Lizenz.",
    "{path} is no record of ours.": "{path} ist kein Verzeichnis von uns.",
    "{name} is set: nothing is fetched from a network.": "{name} ist gesetzt: Nichts wird aus einem Netz geholt.",
    "{path} is there, and was not put there by `models pull`.":
        "{path} ist da und wurde nicht mit `models pull` abgelegt.",
    "{path} of {repository} is not the file whose hash {whose}.":
        "{path} von {repository} ist nicht die Datei, deren Hash feststeht ({whose}).",
    "{repository} is to be read at {revision}, which is no commit: it may change any day.":
        "{repository} soll in {revision} gelesen werden, und das ist kein Commit: Es kann sich jeden Tag ändern.",
    "{host} lists more than a model can hold.": "{host} führt mehr auf, als ein Modell haben kann.",
    "{path} names {files}, and {host} has no such file.": "{path} nennt {files}, und {host} hat keine solche Datei.",
    "{path} points out of its cache.": "{path} zeigt aus seinem Zwischenspeicher hinaus.",
    "{host} sends from place to place without end.": "{host} verweist ohne Ende von Ort zu Ort.",
    "{host} sends to {scheme}://{other}, where nobody should go.":
        "{host} verweist auf {scheme}://{other}, wohin niemand gehen sollte.",
    "{path} was not put there by `models pull`.": "{path} wurde nicht mit `models pull` abgelegt.",
    "{path} was not put there by `models pull`: nobody knows it.":
        "{path} wurde nicht mit `models pull` abgelegt: Niemand kennt es.",
    "{host}: {path} has {size} bytes, and {whole} were announced.":
        "{host}: {path} hat {size} Bytes, und {whole} waren angekündigt.",
    "We ship no hash of {fresh} of {ours} files of {model}: what {shelf} gives today is recorded, and anything else is "
    "an error from now on.":
        "Für {fresh} von {ours} Dateien von {model} liefern wir keinen Hash mit: Was {shelf} heute gibt, ist "
        "verzeichnet, und alles andere ist von nun an ein Fehler.",
    "{words} The connection was open to whoever stands on it.":
        "{words} Die Verbindung war für jeden offen, der an ihr sitzt.",
}
