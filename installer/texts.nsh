; What setup and uninstaller say. In UTF-8.

!macro Text name english german
  LangString ${name} ${LANG_ENGLISH} "${english}"
  LangString ${name} ${LANG_GERMAN} "${german}"
!macroend

!insertmacro Text TextOtherSetup "Another setup of ${APP_NAME} is running. Wait for its end." \
  "Ein anderes Setup von ${APP_NAME} läuft. Warten Sie, bis es beendet ist."
!insertmacro Text TextCloses "${APP_NAME} is open. It will be closed now; a video that is being made may ask you first." \
  "${APP_NAME} ist geöffnet und wird jetzt geschlossen. Wird gerade ein Video erstellt, werden Sie vorher gefragt."
!insertmacro Text TextDoesNotClose "${APP_NAME} is still running. Close it, then try again." \
  "${APP_NAME} läuft noch. Schließen Sie es, und versuchen Sie es erneut."
!insertmacro Text TextWindows10 "${APP_NAME} needs Windows 10 or newer." \
  "${APP_NAME} braucht Windows 10 oder neuer."
!insertmacro Text TextOtherFolder "The folder $INSTDIR holds something else. Choose an empty one." \
  "Der Ordner $INSTDIR enthält etwas anderes. Wählen Sie einen leeren."
!insertmacro Text TextNewer "A newer version of ${APP_NAME} is installed. Replace it with this older one?" \
  "Eine neuere Version von ${APP_NAME} ist installiert. Durch diese ältere ersetzen?"
!insertmacro Text TextInUse "A file in $INSTDIR is in use or cannot be written. Nothing was changed." \
  "Eine Datei in $INSTDIR wird benutzt oder kann nicht geschrieben werden. Es wurde nichts geändert."
!insertmacro Text TextNotHere "${APP_NAME} is not in $INSTDIR. Nothing was removed." \
  "${APP_NAME} liegt nicht in $INSTDIR. Es wurde nichts entfernt."
!insertmacro Text TextRecipe "Settings of a video" "Einstellungen eines Videos"
!insertmacro Text TextProgram "Program" "Programm"
!insertmacro Text TextEngine "Render engine (can be installed again)" "Render-Engine (kann neu installiert werden)"
!insertmacro Text TextModels "Models in the usual folder" "Modelle im üblichen Ordner"
!insertmacro Text TextSettings "Settings, queue and logs" "Einstellungen, Warteschlange und Protokolle"
!insertmacro Text TextVideos "Videos in the usual folder" "Videos im üblichen Ordner"
